#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is in use stays in a full cache while something reads the whole volume,
# which is several times as large, once. So does what was written here and used,
# over a restart too.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
dray() { timeout 120 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
HOT=16 # files of 1 MiB
SCANS=${1:-1}

# The kernel's own pages are dropped, so that the gateway is asked.
read_hot() {
	echo 1 >/proc/sys/vm/drop_caches
	cat "$MNT"/hot/* >/dev/null
}
read_cold() {
	local file
	for file in "$MNT"/cold/*; do
		cat "$file" >/dev/null
	done
}
# hot_misses: how many bytes of the hot files had to be fetched just now.
hot_misses() {
	local before
	before=$(status_of cache_miss_bytes_total)
	read_hot
	echo $(($(status_of cache_miss_bytes_total) - before))
}
within_limit() {
	local used
	used=$(status_of cache_used_bytes)
	[ "$used" -le $((64 << 20)) ] || fail "$1: the cache holds $used bytes"
}

new_volume
MOUNT_OPTIONS=cache-size=64M
mount_volume
mkdir "$MNT/hot" "$MNT/cold"
for ((i = 0; i < 40; i++)); do
	head -c 4M /dev/urandom >"$MNT/cold/$i"
	# Writing is not read: the hot files come in the middle of it.
	[ $i = 36 ] && for ((j = 0; j < HOT; j++)); do head -c 1M /dev/urandom >"$MNT/hot/$j"; done
done
sync -f "$MNT"
dray wait "$MNT"

# What was written here, and used.
for _ in 1 2 3; do read_hot; done
read_cold
within_limit "after a scan"
missed=$(hot_misses)
[ "$missed" -le $((HOT << 18)) ] || fail "a scan took $missed bytes of what was written and used"

# What was fetched, and used; more scans; a restart.
umount_volume
rm -rf "$CACHE"
mount_volume
for _ in 1 2 3; do read_hot; done
read_cold
[ "$(hot_misses)" -le $((HOT << 18)) ] || fail "a scan took what was fetched and used"
umount_volume
mount_volume
for ((i = 0; i < SCANS; i++)); do
	read_cold
	within_limit "after scan $i"
done
missed=$(hot_misses)
echo "after $SCANS scans and a restart $missed of $((HOT << 20)) bytes missed"
[ "$missed" -le $((HOT << 18)) ] || fail "more scans took $missed bytes of it"
cmp <(cat "$MNT"/hot/*) <(cat "$MNT"/hot/*)
umount_volume
