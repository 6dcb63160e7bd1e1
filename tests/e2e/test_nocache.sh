#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Programs and users that are named by nocache-comm= and nocache-uid= read
# through: what they read is right, and the cache is as it was. The hit ratio
# tells the reads of the others.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires setpriv
dray() { timeout 120 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
cached() { dray ls --cached "$MNT" --csv | tail -n +2 | wc -l; }
cached_bytes() { dray ls "$MNT/file" --csv | tail -n +2 | cut -d, -f5; }
# read_as PROGRAM...: runs it on the file; the kernel's own pages are dropped
# before, so that the gateway is asked.
read_as() {
	sync -f "$MNT"
	echo 1 >/proc/sys/vm/drop_caches
	[ "$("$@" "$MNT/file" | sha256sum)" = "$SUM" ] || fail "$* read something else"
}

new_volume
for bad in nocache-uid=root nocache-comm=a::b; do
	refused "$DRAY" mount "$URL" "$MNT" --cache "$CACHE" -o $bad
	says "${bad%%=*}"
done
MOUNT_OPTIONS=nocache-comm=virusscanner:indexer,nocache-uid=12345
mount_volume
chmod 755 "$WORK" "$MNT"
head -c 20000000 /dev/urandom >"$MNT/file"
SUM=$(sha256sum <"$MNT/file")
dray wait "$MNT"
dray evict "$MNT" >/dev/null
[ "$(cached)" = 0 ] || fail "evict left something"

cp "$(command -v cat)" "$WORK/virusscanner"
before=$(status_of cache_miss_bytes_total)
read_as "$WORK/virusscanner"
read_as setpriv --reuid=12345 --clear-groups cat
[ "$(cached)" = 0 ] || fail "a reader that is not to fill the cache did"
[ "$(status_of cache_miss_bytes_total)" = "$before" ] || fail "its misses are counted"
[ "$(status_of cache_bypass_bytes_total)" -ge 40000000 ] || fail "its bytes are not counted"

# The others: what is left in memory of the readers before is kept for them.
read_as cat
for _ in {1..100}; do # it is written to the disk after the reply
	[ "$(cached_bytes)" = 20000000 ] && break
	sleep 0.1
done
[ "$(cached_bytes)" = 20000000 ] || fail "another reader does not fill the cache"
misses=$(($(status_of cache_miss_bytes_total) - before))
gets=$(status_of gets_total)
read_as cat
[ "$(status_of gets_total)" = "$gets" ] || fail "what is cached is fetched again"
[ "$(status_of cache_miss_bytes_total)" = $((before + misses)) ] || fail "a hit is a miss"
[ "$(status_of cache_hit_bytes_total)" -ge 20000000 ] || fail "hits are not counted"
dray status "$MNT" | grep -q '^read hits .* % of .* reads$' || fail "status shows no hit ratio"

# They read what is there from there.
read_as "$WORK/virusscanner"
[ "$(status_of gets_total)" = "$gets" ] || fail "what is cached is fetched again"
[ "$(cached)" = 1 ] || fail "what was cached is not"
umount_volume
