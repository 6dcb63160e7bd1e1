#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pinned files stay, through evict, a scan of more than the cache holds, and
# restarts; also those that come below the path later. What does not fit is
# refused. Patterns name what to evict.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
dray() { timeout 120 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
cached_of() { dray ls "$1" --csv | tail -n +2 | grep '"file"' |
	awk -F, '{ sum += $5 } END { print sum + 0 }'; }
read_cold() {
	local file
	for file in "$MNT"/cold/*; do
		cat "$file" >/dev/null
	done
}

new_volume
MOUNT_OPTIONS=cache-size=64M
mount_volume
mkdir -p "$MNT/pinned/deep" "$MNT/cold"
for ((i = 0; i < 8; i++)); do
	head -c 1M /dev/urandom >"$MNT/pinned/deep/$i"
done
for ((i = 0; i < 32; i++)); do
	head -c 3M /dev/urandom >"$MNT/cold/$i"
done
sync -f "$MNT"
dray wait "$MNT"
SUM=$(cat "$MNT"/pinned/deep/* | sha256sum)

# Refused: half of the cache is 32 MiB.
refused dray pin "$MNT/cold"
says "/cold cannot be pinned"
[ "$(status_of pinned_paths)" = 0 ] || fail "a refused pin is there"
refused dray unpin "$MNT/cold"
says "not pinned"

# Pinned from the store, and evict passes over it.
dray evict "$MNT" >/dev/null
dray pin "$MNT/pinned" >/dev/null
[ "$(cached_of "$MNT/pinned")" = $((8 << 20)) ] || fail "pin does not fetch"
[ "$(status_of pinned_bytes)" = $((8 << 20)) ] || fail "pinned_bytes $(status_of pinned_bytes)"
dray status "$MNT" | grep -q '^pinned .*8.0 MiB' || fail "status does not show pins"
dray evict "$MNT" | grep -q '8 are pinned and stay' || fail "evict does not say what stays"
[ "$(cached_of "$MNT/pinned")" = $((8 << 20)) ] || fail "evict took what is pinned"

# A file that comes later, written here; a scan; a restart; another scan.
head -c 2M /dev/urandom >"$MNT/pinned/late"
dray wait "$MNT"
umount_volume
mount_volume
[ "$(status_of pinned_bytes)" = $((10 << 20)) ] || fail "after a restart not all is pinned"
read_cold
umount_volume
mount_volume
read_cold
[ "$(cached_of "$MNT/pinned")" = $((10 << 20)) ] ||
	fail "of the pinned bytes $(cached_of "$MNT/pinned") are left"
[ "$(cat "$MNT"/pinned/deep/* | sha256sum)" = "$SUM" ] || fail "they are others"

# Unpinned they go, by a pattern.
dray unpin "$MNT/pinned"
[ "$(status_of pinned_paths)" = 0 ] || fail "unpin leaves the pin"
dray evict "$MNT/pinned/deep/[0-3]" >/dev/null
[ "$(cached_of "$MNT/pinned")" = $((6 << 20)) ] || fail "a pattern frees something else"
refused dray evict "$MNT/nothing*"
umount_volume
