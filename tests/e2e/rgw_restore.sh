#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a real S3 server: a tree of all kinds survives the loss of the machine;
# evict and warm; a cache far smaller than the data stays within its bound and
# all bytes come back.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
URL=$DRAY_TEST_S3_URL
megabytes=${MEGABYTES:-300}
dray() { timeout 300 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
# State of a file as the gateway tells it, by getxattr(2).
state_of() {
	python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], "user.dray.state").decode())' "$1"
}
new_volume

# All kinds of files; a setgid directory and what is made in it.
mount_volume
make_tree "$MNT/tree"
mkdir "$MNT/tree/setgid"
chgrp 4321 "$MNT/tree/setgid"
chmod 2775 "$MNT/tree/setgid"
touch "$MNT/tree/setgid/inherits"
[ "$(stat -c %g "$MNT/tree/setgid/inherits")" = 4321 ] || fail "the group was not inherited"
save_tree "$MNT/tree" "$WORK/saved"
dray wait "$MNT" "$MNT/tree"
[ "$(state_of "$MNT/tree/sparse")" = cloud ] || fail "dray wait returned before the end"
[ "$(status_of dirty_bytes)" = 0 ] || fail "dirty bytes are left"
umount_volume
rm -rf "$CACHE"
mount_volume
check_tree "$MNT/tree" "$WORK/saved"

# Evicted bytes come back by reading, and by warm.
downloaded() { status_of bytes_downloaded_total; }
dray evict "$MNT/tree" >/dev/null
[ "$(dray ls --cached "$MNT/tree" --csv | wc -l)" = 1 ] || fail "evict left something"
check_tree "$MNT/tree" "$WORK/saved"
dray evict "$MNT/tree" >/dev/null
dray warm "$MNT/tree" >/dev/null
before=$(downloaded)
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
check_tree "$MNT/tree" "$WORK/saved"
# (The lease is looked at all the time.)
[ $(($(downloaded) - before)) -lt 10000 ] || fail "reading what is warm asked the store"
umount_volume

# A small cache: what is written and read is five times its size.
rm -rf "$CACHE"
MOUNT_OPTIONS=cache-size=64M
mount_volume
mkdir "$MNT/large"
python3 - "$MNT/large" "$megabytes" >"$WORK/sums" <<'PYTHON'
import hashlib
import os
import random
import sys

top, left = sys.argv[1], int(sys.argv[2]) << 20
rng = random.Random(5)
number = 0
while left > 0:
    size = min(left, rng.choice([1000, 100000, 5 << 20, 40 << 20]))
    data = rng.randbytes(size)
    with open(f"{top}/{number}", "wb") as file:
        file.write(data)
    print(hashlib.sha256(data).hexdigest(), f" {number}")
    left -= size
    number += 1
PYTHON
(cd "$MNT/large" && sha256sum --quiet -c "$WORK/sums")
dray wait "$MNT"
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null || true
(cd "$MNT/large" && sha256sum --quiet -c "$WORK/sums")
check_tree "$MNT/tree" "$WORK/saved"
# The evictor works beside the readers: it comes to its end.
for _ in $(seq 300); do
	used=$(status_of cache_used_bytes)
	limit=$(status_of cache_limit_bytes)
	[ "$used" -gt "$limit" ] || break
	sleep 0.1
done
[ "$limit" = $((64 << 20)) ] || fail "the limit is $limit"
[ "$used" -le "$limit" ] || fail "the cache holds $used of $limit bytes"
disk=$(du -s --block-size=1 "$CACHE/segments" | cut -f 1)
[ "$disk" -le $((2 * limit)) ] || fail "the segments take $disk bytes of disk, the limit is $limit"
umount_volume
