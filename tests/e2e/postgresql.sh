# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A PostgreSQL server whose data is in $MNT/postgresql, for tests that have
# sourced lib.sh. Its socket and log are in $WORK/postgresql, outside of the volume;
# it listens nowhere else.
PG_DATA=$MNT/postgresql
PG_RUN=$WORK/postgresql
PG_MASTER=

requires_postgresql() {
	PG_BIN=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	[ -x "$PG_BIN/pg_amcheck" ] || skip "needs postgresql 14 or newer"
	id postgres >/dev/null 2>&1 || skip "needs the user postgres"
	requires setpriv
	chmod 755 "$WORK"
	install -d -o postgres "$PG_RUN"
	export PGHOST=$PG_RUN PGDATABASE=postgres
}

# postgres_exec PROGRAM ARGUMENT...: becomes one of PostgreSQL's, as its user.
postgres_exec() {
	cd /
	exec setpriv --reuid postgres --regid postgres --clear-groups "$PG_BIN/$1" "${@:2}"
}

# postgres_does PROGRAM ARGUMENT...: runs it.
postgres_does() {
	(postgres_exec "$@")
}

postgres_init() {
	install -d -o postgres -m 700 "$PG_DATA"
	postgres_does initdb -D "$PG_DATA" -A trust --data-checksums >"$WORK/initdb.out" ||
		fail "initdb: $(tail -n 5 "$WORK/initdb.out")"
}

# Starts it; recovery after a crash is part of that. The server is a child of this
# shell, so that its id is free as soon as it has been waited for.
postgres_start() {
	postgres_exec postgres -D "$PG_DATA" -k "$PG_RUN" -c listen_addresses= \
		-c shared_buffers=32MB -c checkpoint_timeout=30s >>"$PG_RUN/log" 2>&1 &
	PG_MASTER=$!
	ends_with_test $PG_MASTER
	until postgres_does pg_isready -q; do
		kill -0 $PG_MASTER 2>/dev/null ||
			fail "PostgreSQL does not start: $(tail -n 20 "$PG_RUN/log")"
		sleep 0.1
	done
}

postgres_stop() {
	postgres_does pg_ctl stop -s -w -m fast -D "$PG_DATA"
	wait "$PG_MASTER"
}

# Those of its processes that run: all of them work in its directory.
postgres_processes() {
	find /proc/[0-9]*/cwd -lname "$PG_DATA" 2>/dev/null | cut -d / -f 3
}

# Kills all of them, as the loss of their machine does; call it while the volume
# is mounted, even if nobody answers there.
postgres_kill() {
	local pids
	while pids=$(postgres_processes) && [ -n "$pids" ]; do
		# shellcheck disable=SC2086
		kill -9 $pids 2>/dev/null || true
		sleep 0.05
	done
	wait "$PG_MASTER" 2>/dev/null || true
}

postgres_asks() {
	postgres_does psql -X -q -A -t -c "$1"
}

# Tables, indexes and their checksums as PostgreSQL checks them itself, and what
# pgbench leaves at the end of each transaction.
postgres_check() {
	postgres_does pg_amcheck --all --install-missing --heapallindexed >"$WORK/amcheck.out" 2>&1 ||
		fail "$1: $(tail -n 20 "$WORK/amcheck.out")"
	postgres_does pg_dump >"$WORK/dump.sql" || fail "$1: pg_dump"
	[ "$(postgres_asks "select count(distinct total) from (
		select sum(abalance) as total from pgbench_accounts union all
		select sum(bbalance) from pgbench_branches union all
		select sum(tbalance) from pgbench_tellers union all
		select coalesce(sum(delta), 0) from pgbench_history) as totals")" = 1 ] ||
		fail "$1: the balances of pgbench differ"
}
