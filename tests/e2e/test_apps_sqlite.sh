#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SQLite on a mount, with a write-ahead log (which it maps, shared) and with a
# rollback journal: four writers and a reader at once, a gateway that is killed
# under them, a restore from the bucket alone. test_apps_sqlite.sh [SECONDS]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires sqlite3
seconds=${1:-5}
new_volume
mount_volume

database() { python3 "$E2E/sqlite_load.py" "$@"; }
check() {
	for mode in wal delete; do
		database check "$MNT/$mode.db" >/dev/null || fail "$mode: $1"
	done
}

for mode in wal delete; do
	database create "$MNT/$mode.db" $mode
	database load "$MNT/$mode.db" 4 "$seconds" || fail "$mode: a writer or the reader"
	[ "$(sqlite3 "$MNT/$mode.db" "vacuum; pragma integrity_check")" = ok ] || fail "$mode: vacuum"
done
check "after the load"

# SQLite's programs die with the gateway; what they left is recovered.
for mode in wal delete; do
	database load "$MNT/$mode.db" 4 0 &
done
sleep 2
kill_gateway
wait -n || fail "a writer or the reader, beside the killed gateway"
wait -n || fail "a writer or the reader, beside the killed gateway"
mount_volume
check "after a kill of the gateway"

timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
check "after a restore"
umount_volume
