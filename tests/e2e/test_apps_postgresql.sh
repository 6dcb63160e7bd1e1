#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL on a mount: initdb, pgbench, kill -9 of the postmaster, kill -9 of
# the gateway, recovery after each; the same database from the bucket alone.
#
#	test_apps_postgresql.sh [SECONDS [SCALE]]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/postgresql.sh
source "$E2E/postgresql.sh"
requires_mount
requires_postgresql
seconds=${1:-4}
scale=${2:-1}
new_volume
mount_volume

transactions() { postgres_asks "select count(*) from pgbench_history"; }

# pgbench in the background, killed with what it talks to.
start_pgbench() {
	postgres_exec pgbench -n -c 4 -j 2 -T 600 >/dev/null 2>&1 &
	bench=$!
	sleep "$seconds"
}

postgres_init
postgres_start
postgres_does pgbench -i -q -s "$scale" >/dev/null 2>&1
postgres_does pgbench -n -c 4 -j 2 -T "$seconds" >"$WORK/pgbench.out" || fail "pgbench"
done_before=$(transactions)
[ "$done_before" -gt 0 ] || fail "pgbench did nothing"

# The postmaster is killed; its children notice and end.
start_pgbench
kill -9 "$PG_MASTER"
wait $bench && fail "pgbench did not notice"
while [ -n "$(postgres_processes)" ]; do
	sleep 0.1
done
wait "$PG_MASTER" 2>/dev/null || true
postgres_start
[ "$(transactions)" -gt "$done_before" ] || fail "what was committed before the kill is gone"
postgres_check "after a kill of the postmaster"
done_before=$(transactions)

# The gateway is killed.
start_pgbench
kill_gateway
postgres_kill
wait $bench && fail "pgbench did not notice"
umount -l "$MNT"
mount_volume
postgres_start
[ "$(transactions)" -gt "$done_before" ] || fail "what was committed before the kill is gone"
postgres_check "after a kill of the gateway"
cp "$WORK/dump.sql" "$WORK/dump_before.sql"
postgres_stop

timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
postgres_start
postgres_check "after a restore"
# (A dump of some versions begins and ends with a word that is drawn anew.)
cmp <(grep -v '^\\\(un\)\?restrict' "$WORK/dump_before.sql") \
	<(grep -v '^\\\(un\)\?restrict' "$WORK/dump.sql") || fail "another database after a restore"
postgres_stop
tail -n 3 "$WORK/pgbench.out"
umount_volume
