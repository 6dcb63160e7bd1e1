#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a real S3 server: a file that random overwrites have scattered over many
# objects is stored together in the background, and a cold read of it asks for a
# few objects instead of many. Figures: rgw_rewrite.sh [COMMITS [MEGABYTES]].
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
commits=${1:-40} megabytes=${2:-4}
URL=$DRAY_TEST_S3_URL
dray() { timeout 300 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
new_volume

MOUNT_OPTIONS=rewrite=0
mount_volume
head -c $((megabytes << 20)) /dev/urandom >"$MNT/file"
dray wait "$MNT" 2>/dev/null
for ((i = 0; i < commits; i++)); do
	python3 - "$MNT/file" "$megabytes" "$i" <<-'PYTHON'
		import os, random, sys
		rng = random.Random(int(sys.argv[3]))
		fd = os.open(sys.argv[1], os.O_RDWR)
		for _ in range(4 * int(sys.argv[2])):
		    os.pwrite(fd, rng.randbytes(4096), rng.randrange(int(sys.argv[2]) * 256) * 4096)
		os.fsync(fd)
	PYTHON
	dray wait "$MNT" 2>/dev/null
done
sum=$(sha256sum <"$MNT/file")

# cold_read: reads the file with an empty cache; prints how many GETs it took.
cold_read() {
	local before
	umount_volume
	rm -rf "$CACHE"
	mount_volume
	before=$(status_of gets_total)
	[ "$(sha256sum <"$MNT/file")" = "$sum" ] || fail "the file is not what it was"
	echo $(($(status_of gets_total) - before))
}
before=$(cold_read)

# It is found by itself, and left alone from then on.
umount_volume
MOUNT_OPTIONS=rewrite=1G,rewrite-age=100ms
mount_volume
passes=0
for ((i = 0; i < 600; i++)); do
	passes=$(status_of rewrite_passes_total)
	[ "$(status_of rewritten_bytes_total)" -gt 0 ] && [ "$passes" -ge 4 ] && break
	sleep 0.1
done
dray wait "$MNT" 2>/dev/null
rewritten=$(status_of rewritten_bytes_total)
[ "$rewritten" -eq $((megabytes << 20)) ] || fail "$rewritten bytes were rewritten"
[ "$(sha256sum <"$MNT/file")" = "$sum" ] || fail "rewriting changed the file"
for ((i = 0; i < 600 && $(status_of rewrite_passes_total) < passes + 3; i++)); do sleep 0.1; done
[ "$(status_of rewritten_bytes_total)" = "$rewritten" ] || fail "it was rewritten twice"
MOUNT_OPTIONS=rewrite=0
after=$(cold_read)
echo "GETs of a cold MiB: $((before / megabytes)) before, $after for all $megabytes MiB after"
[ "$after" -le $((2 * megabytes)) ] || fail "$after GETs for $megabytes MiB after rewriting"
[ "$before" -ge $((4 * after)) ] || fail "only $before GETs before, $after after"
umount_volume
