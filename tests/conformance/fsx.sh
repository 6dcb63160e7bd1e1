#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Random reads, writes, mappings, truncations, fallocates and copies of a file
# against a model of it, with fsx: fsx.sh [OPERATIONS [SEED...]]
#
#	FSX=/path/to/xfstests/ltp/fsx tests/conformance/fsx.sh 1000000 1 2 3
#
# For each seed: a small file; a file whose bytes are evicted all the time, so
# that they come from the store; a file three times as large as the cache, with
# a tenth of the operations. After each the volume is mounted again, and then
# with an empty cache, and the file must be what it was.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"

requires_mount
requires sha256sum
[ -n "${FSX:-}" ] || skip "FSX is not set: the path of the program fsx of xfstests"
[ -x "$FSX" ] || skip "$FSX is no program"
OPERATIONS=${1:-20000}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- 1 2

sum() {
	sha256sum <"$MNT/file"
}

# Objects read from the store since the mount.
gets() {
	"$DRAY" status "$MNT" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["gets_total"])'
}

# evict_always PID: until the process ends, what is in the store is dropped here.
evict_always() {
	while kill -0 "$1" 2>/dev/null; do
		"$DRAY" evict "$MNT/file" >/dev/null
		sleep 0.2
	done
}

# run_fsx SEED OPERATIONS ARGUMENT...
run_fsx() {
	nice -n 5 "$FSX" -q -S "$1" -N "$2" -P "$WORK/log" "${@:3}" "$MNT/file" >"$WORK/fsx.out" 2>&1 ||
		{
			tail -n 50 "$WORK/fsx.out"
			fail "fsx -S $1 -N $2 ${*:3}"
		}
}

# The file survives a remount and a restore.
check_remounts() {
	local before
	before=$(sum)
	umount_volume
	mount_volume
	[ "$(sum)" = "$before" ] || fail "another file after a remount"
	"$DRAY" wait "$MNT" >/dev/null
	umount_volume
	rm -rf "$CACHE"
	mount_volume
	[ "$(sum)" = "$before" ] || fail "another file after a restore"
}

new_volume
mkdir "$WORK/log"
MOUNT_OPTIONS=upload-delay=100ms
mount_volume
for seed; do
	run_fsx "$seed" "$OPERATIONS"
	check_remounts
	echo "seed $seed: $OPERATIONS operations"

	run_fsx "$seed" "$OPERATIONS" -f -l 2000000 &
	pid=$!
	evict_always $pid
	wait $pid
	echo "seed $seed: $OPERATIONS operations, evicted all the time: $(gets) GETs"
	check_remounts

	umount_volume
	MOUNT_OPTIONS=upload-delay=100ms,cache-size=64M
	mount_volume
	run_fsx "$seed" $((OPERATIONS / 10)) -f -l 200000000 -o 1000000
	echo "seed $seed: $((OPERATIONS / 10)) operations, file larger than the cache: $(gets) GETs"
	check_remounts
	umount_volume
	MOUNT_OPTIONS=upload-delay=100ms
	mount_volume
done
umount_volume
