#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A tree of 50,000 files and 1 GiB: mount, copy, wait, new cache, compare.
#
#	tests/bench/tree.sh URL [BUILD]		file:///... or s3://...
#
# (S3 on a server of its own: tests/lib/with_rgw.sh tests/bench/tree.sh s3 ...,
# where "s3" stands for the volume URL that with_rgw.sh makes.)
set -euo pipefail
url=$1
[ "$url" = s3 ] && url=$DRAY_TEST_S3_URL
dray=$(realpath "${2:-build/release}")/dray
work=$(mktemp -d "${TMPDIR:-/tmp}/dray-tree.XXXXXX")
mnt=$work/mnt
trap '"$dray" umount "$mnt" >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
mkdir "$mnt" "$work/tree"

# 50,000 small files of text, 40 files of 25 MiB that half compress, links.
python3 - "$work/tree" <<'PYTHON'
import os, random, sys
rng = random.Random(7)
top = sys.argv[1]
words = [bytes(rng.choices(range(97, 123), k=rng.randrange(2, 10))) for _ in range(5000)]
for number in range(50000):
    folder = os.path.join(top, f"{number // 1000:02d}", f"{number // 50 % 20:02d}")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"file{number}")
    with open(path, "wb") as file:
        file.write(b" ".join(rng.choices(words, k=rng.randrange(5, 400))))
    if number % 500 == 0:
        os.symlink(f"file{number}", path + ".symlink")
        os.link(path, path + ".link")
os.makedirs(os.path.join(top, "big"))
for number in range(40):
    with open(os.path.join(top, "big", f"{number}"), "wb") as file:
        for _ in range(25):
            file.write(rng.randbytes(1 << 19) + bytes(1 << 19))
PYTHON

"$dray" init "$url" >/dev/null
"$dray" mount "$url" "$mnt" --cache "$work/cache1"
start=$SECONDS
cp -a "$work/tree" "$mnt/"
echo "copied in $((SECONDS - start)) s"
"$dray" wait "$mnt"
echo "in the store after $((SECONDS - start)) s"
"$dray" status "$mnt"
"$dray" umount "$mnt"
rm -rf "$work/cache1"
start=$SECONDS
"$dray" mount "$url" "$mnt" --cache "$work/cache2"
echo "restored and mounted in $((SECONDS - start)) s"
differences=$(rsync -aHAXni --checksum --delete "$work/tree/" "$mnt/tree/")
echo "read and compared in $((SECONDS - start)) s"
[ -z "$differences" ] || { echo "DIFFERENT: $differences"; exit 1; }
echo "$(find "$mnt/tree" -type f | wc -l) files, $(du -sb --apparent-size "$mnt/tree" | cut -f1) bytes: identical"
