#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the gateway under a load of small files, appends, renames and a
# SQLite database, while it uploads. After each remount an oracle compares with
# what close(2), fsync(2), a namespace call or a COMMIT had returned for; at the
# end the bucket alone brings the same tree back.
#
#	test_kill_load.sh [KILLS]	default 10; 1000 for a night
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
kills=${1:-10}
new_volume
mkdir "$WORK/notes"
# Commits and checkpoints happen in every round.
MOUNT_OPTIONS=upload-delay=100ms

for round in $(seq "$kills"); do
	mount_volume
	python3 "$E2E/oracle.py" check "$MNT" "$WORK/notes" || fail "after kill $((round - 1))"
	python3 "$E2E/oracle.py" load "$MNT" "$WORK/notes" "$round" &
	load=$!
	until [ -e "$WORK/notes/promised.$round" ]; do
		kill -0 $load || fail "the load of round $round ended by itself"
		sleep 0.02
	done
	sleep "$((RANDOM % 2)).$((RANDOM % 9 + 1))"
	kill_gateway
	wait $load || fail "the load of round $round"
done
mount_volume
python3 "$E2E/oracle.py" check "$MNT" "$WORK/notes" || fail "after the last kill"
save_tree "$MNT" "$WORK/saved"
timeout 120 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
