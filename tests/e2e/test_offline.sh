#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway is dead and left data that the cloud lacks: dray lost tells what the
# bucket knows of it, dray export copies it out without the bucket, dray drain
# uploads it without a mount, also from a directory that was moved.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume

refused "$DRAY" drain "$WORK/nothing"
refused "$DRAY" export "$STORE" "$WORK/out"
refused "$DRAY" lost "file://$WORK/nothing"

# Nothing of it goes to the bucket.
MOUNT_OPTIONS=upload-delay=1h
mount_volume
make_tree "$MNT/tree"
save_tree "$MNT" "$WORK/saved"
refused "$DRAY" drain "$CACHE"
says "in use"
refused "$DRAY" export "$CACHE" "$WORK/out"
says "in use"
kill_gateway
umount -l "$MNT"
mv "$STORE" "$STORE.away"
"$DRAY" export "$CACHE" "$WORK/out"
mv "$STORE.away" "$STORE"
check_tree "$WORK/out" "$WORK/saved"
refused "$DRAY" export "$CACHE" "$WORK/out"
says "not empty"
"$DRAY" lost "$URL" 2>"$WORK/summary"
grep -q "no commit was made yet" "$WORK/summary"

# The disk is moved to another machine, which uploads.
mv "$CACHE" "$WORK/moved"
"$DRAY" drain "$WORK/moved" | grep -q "commit"
"$DRAY" drain "$WORK/moved" >/dev/null # nothing is left to do
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume

# The moved directory goes on as a cache, too.
CACHE=$WORK/moved
MOUNT_OPTIONS=upload-delay=1s
mount_volume
check_tree "$MNT" "$WORK/saved"
rm -rf "$MNT/tree"
echo small >"$MNT/small"
"$DRAY" wait "$MNT"

# A large file whose packs the store does not take is named as pending by the
# commits of what happens beside it.
mv "$STORE/pack" "$STORE/pack.away"
touch "$STORE/pack"
mkdir "$MNT/some where"
head -c 100000000 /dev/zero | tr '\0' x >"$MNT/some where/large"
until "$DRAY" lost "$URL" --json 2>/dev/null >"$WORK/lost" && grep -q large "$WORK/lost"; do
	touch "$MNT/beside"
	sleep 0.2
done
kill_gateway
umount -l "$MNT"
rm "$STORE/pack"
mv "$STORE/pack.away" "$STORE/pack"
python3 - "$WORK/lost" <<'PYTHON'
import json, sys
[row] = [json.loads(line) for line in open(sys.argv[1])]
assert row["path"].endswith("some where/large"), row
assert row["size"] <= 100000000 and row["inode"] > 1 and row["mtime"] > 1.6e9, row
assert row["fsynced"] is False, row
PYTHON
"$DRAY" lost "$URL" >"$WORK/lost" 2>"$WORK/summary"
grep -q "some where/large" "$WORK/lost"
grep -q "1 files were not in the cloud at commit" "$WORK/summary"

# Only what the cloud lacks; with the directories that it lies in.
"$DRAY" export --dirty "$WORK/moved" "$WORK/dirty"
[ "$(stat -c %s "$WORK/dirty/some where/large")" = 100000000 ]

# Another gateway takes over and changes the volume: no upload any more, but
# nothing is lost.
CACHE=$WORK/other
MOUNT_OPTIONS=
"$DRAY" mount "$URL" "$MNT" --cache "$CACHE" --takeover
touch "$MNT/changed elsewhere"
"$DRAY" wait "$MNT"
umount_volume
refused "$DRAY" drain "$WORK/moved"
says "nothing was merged or dropped"
"$DRAY" export "$WORK/moved" "$WORK/all" >/dev/null
cmp "$WORK/dirty/some where/large" "$WORK/all/some where/large"
grep -q small "$WORK/all/small"
[ ! -e "$WORK/dirty/small" ]

# A file whose bytes are in the cloud only is named, and left out.
mount_volume
head -c 300000 /dev/urandom >"$MNT/evicted"
echo here >"$MNT/here"
"$DRAY" wait "$MNT"
"$DRAY" evict "$MNT/evicted" >/dev/null
cat "$MNT/here" >/dev/null
umount_volume
if "$DRAY" export "$CACHE" "$WORK/some" >/dev/null 2>"$WORK/complaints"; then
	fail "a file without its bytes was exported"
fi
grep -q "^not copied: /evicted: " "$WORK/complaints"
[ ! -e "$WORK/some/evicted" ]
grep -q here "$WORK/some/here"
