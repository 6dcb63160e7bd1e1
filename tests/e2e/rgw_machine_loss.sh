#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine is lost under databases: at a random moment the gateway is killed
# and its cache thrown away, under SQLite (write-ahead log and rollback journal),
# PostgreSQL (pgbench) and a load that renames. What the bucket alone brings back
# must be a state that a power cut could have left: each of them recovers, its own
# checks pass, pgbench's balances agree, the renamed tree is that of one instant.
# The databases live on from loss to loss.
#
#	DRAY=build/release/dray DRAY_TEST_TOOLS=build/release/tests/lib \
#		tests/lib/with_rgw.sh tests/e2e/rgw_machine_loss.sh [LOSSES [DELAY...]]
#
# 2 losses when nothing is said. DELAY: upload-delay of the mounts, in turn.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/postgresql.sh
source "$E2E/postgresql.sh"
requires_mount
requires_postgresql
URL=$DRAY_TEST_S3_URL
losses=${1:-2}
shift $(($# < 1 ? 0 : 1))
delays=("$@")
[ $# -gt 0 ] || delays=(5s 500ms)

# mount_anew NUMBER: on a machine that knows nothing of the last.
mount_anew() {
	MOUNT_OPTIONS=takeover,upload-delay=${delays[$1 % ${#delays[@]}]}
	mount_volume
}

make_databases() {
	for mode in wal delete; do
		python3 "$E2E/sqlite_load.py" create "$MNT/$mode.db" $mode
	done
	postgres_init
	postgres_start
	postgres_does pgbench -i -q -s 1 >/dev/null 2>&1
}

# start_loads NUMBER: of all four kinds; their ids are in $loads.
start_loads() {
	loads=
	for mode in wal delete; do
		python3 "$E2E/sqlite_load.py" load "$MNT/$mode.db" 2 0 &
		loads+=" $!"
	done
	python3 "$E2E/rename_load.py" load "$MNT/renames" "$WORK/notes" &
	loads+=" $!"
	postgres_exec pgbench -n -c 2 -T 100000 >/dev/null 2>&1 &
	bench=$!
}

# Kills the gateway, then what ran on its volume, and throws its cache away.
lose_machine() {
	local gateway
	gateway=$(gateway_pid)
	"$DRAY" status "$MNT" --json >"$WORK/status"
	kill -9 "$gateway"
	lost_at=$(date +%s.%N)
	await_end "$gateway"
	postgres_kill
	for load in $loads; do
		wait "$load" || fail "a load, before loss $1"
	done
	wait $bench || true
	umount -l "$MNT"
	rm -rf "$CACHE"
}

# Everything that came back; its newest times go into $newest.
check_all() {
	newest=
	for mode in wal delete; do
		newest+=" $(python3 "$E2E/sqlite_load.py" check "$MNT/$mode.db")" ||
			fail "loss $1: SQLite, $mode"
	done
	newest+=" $(python3 "$E2E/rename_load.py" check "$MNT/renames" "$WORK/notes")" ||
		fail "loss $1: renames"
	postgres_start
	postgres_check "loss $1"
	newest+=" $(postgres_asks "select extract(epoch from max(mtime)::timestamptz)
		from pgbench_history")"
}

# Ages at the loss: of the oldest dirty file as the gateway told it, and of the
# newest that came back of each load.
note_ages() {
	# shellcheck disable=SC2086
	python3 - "$WORK/status" "${delays[$1 % ${#delays[@]}]}" "$lost_at" $newest \
		<<-'PYTHON' | tee -a "$WORK/ages"
		import json, sys
		status, delay, lost_at, *newest = sys.argv[1:]
		oldest = json.load(open(status))["oldest_dirty_age_seconds"]
		print(delay, *(f"{age:.2f}" for age in [oldest] + [float(lost_at) - float(at) for at in newest]))
	PYTHON
}

summarize() {
	python3 - "$WORK/ages" <<-'PYTHON'
		import collections, sys
		columns = ("oldest dirty", "SQLite WAL", "SQLite rollback", "renames", "pgbench")
		by_delay = collections.defaultdict(list)
		for line in open(sys.argv[1]):
		    delay, *ages = line.split()
		    by_delay[delay].append([float(age) for age in ages])
		for delay, rows in by_delay.items():
		    for column, ages in zip(columns, zip(*rows)):
		        ages = sorted(ages)
		        quantiles = [ages[round(q * (len(ages) - 1))] for q in (0, .5, .9, 1)]
		        print(f"upload-delay={delay}, {len(ages)} losses, {column}, seconds: min %.1f, "
		              "median %.1f, p90 %.1f, max %.1f" % tuple(quantiles))
	PYTHON
}

new_volume
mount_anew 0
make_databases
for loss in $(seq "$losses"); do
	rm -rf "$MNT/renames"
	python3 "$E2E/rename_load.py" make "$MNT/renames"
	timeout 300 "$DRAY" wait "$MNT"
	start_loads
	sleep "$((RANDOM % 8 + 3)).$((RANDOM % 10))"
	lose_machine "$loss"
	mount_anew "$loss"
	check_all "$loss"
	note_ages $((loss - 1))
done
postgres_stop
umount_volume
echo "$losses machines lost, all checks passed"
summarize
