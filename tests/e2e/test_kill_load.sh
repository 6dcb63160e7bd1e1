#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the gateway, 0.1 to 1 s apart, under a load of small files,
# appends, overwrites, renames and a SQLite database, while it uploads. After
# each remount an oracle compares with what close(2), fsync(2), a namespace call
# or a COMMIT had returned for; the state lives on from kill to kill. At the end
# the bucket alone brings the same tree back.
#
#	DRAY=build/release/dray tests/e2e/test_kill_load.sh [KILLS]
#
# 15 kills when nothing is said; 1000 take half an hour or more.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
kills=${1:-15}
new_volume
mkdir "$WORK/notes"
# Commits and checkpoints happen in every round.
MOUNT_OPTIONS=upload-delay=100ms

slowest_ms=0
mount_and_measure() {
	local began took_ms
	began=$(date +%s%N)
	mount_volume
	took_ms=$((($(date +%s%N) - began) / 1000000))
	[ "$took_ms" -le "$slowest_ms" ] || slowest_ms=$took_ms
}

report() {
	echo "$1 kills survived; $(tail -n 1 "$WORK/checked"); slowest remount $slowest_ms ms"
}

check_promises() {
	python3 "$E2E/oracle.py" check "$MNT" "$WORK/notes" >"$WORK/checked" || {
		cat "$WORK/checked"
		fail "after kill $1"
	}
}

for round in $(seq "$kills"); do
	mount_and_measure
	check_promises $((round - 1))
	[ $((round % 50)) != 1 ] || report $((round - 1))
	python3 "$E2E/oracle.py" load "$MNT" "$WORK/notes" "$round" &
	load=$!
	until [ -e "$WORK/notes/promised.$round" ]; do
		kill -0 $load || fail "the load of round $round ended by itself"
		sleep 0.02
	done
	rm "$WORK/notes/promised.$round"
	sleep "$(printf '0.%03d' $((RANDOM % 900 + 100)))"
	kill_gateway
	wait $load || fail "the load of round $round"
done
mount_and_measure
check_promises "$kills"
save_tree "$MNT" "$WORK/saved"
timeout 600 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
report "$kills"
