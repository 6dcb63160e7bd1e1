#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bucket can be read without drayfs: dray-extract, a script written from
# docs/format.md, gives back what was in the mount, from the log alone and from
# a checkpoint with a log behind it.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires zstd
EXTRACT=$E2E/../../tools/dray_extract.py
new_volume
mount_volume
make_tree "$MNT/tree"
dd if=/dev/urandom of="$MNT/large" bs=1M count=5 status=none
dd if=/dev/zero of="$MNT/large" bs=4096 seek=300 count=1 conv=notrunc status=none
touch -d 2001-02-03T04:05:06 "$MNT"
save_tree "$MNT" "$WORK/saved"
"$DRAY" wait "$MNT"
python3 "$EXTRACT" extract "$STORE" "$WORK/out"
check_tree "$WORK/out" "$WORK/saved"
umount_volume

# With checkpoints, one after nearly every commit, and removals.
MOUNT_OPTIONS=checkpoint-commits=2
mount_volume
for i in 1 2 3 4 5 6; do
	mv "$MNT/tree" "$MNT/tree.$i"
	rm -f "$MNT/tree.$i/dir$i"/file*
	ln "$MNT/tree.$i/sparse" "$MNT/tree.$i/linked again"
	mv "$MNT/tree.$i" "$MNT/tree"
	rm "$MNT/tree/linked again"
	"$DRAY" wait "$MNT"
done
until [ -n "$(find "$STORE/root" -type f 2>/dev/null)" ]; do sleep 0.1; done
umount_volume
MOUNT_OPTIONS=
mount_volume
echo "behind the checkpoint" >"$MNT/tree/new"
truncate -s 5000 "$MNT/large"
"$DRAY" wait "$MNT"
save_tree "$MNT" "$WORK/saved"
umount_volume
python3 "$EXTRACT" extract "$STORE" "$WORK/out2"
check_tree "$WORK/out2" "$WORK/saved"

# One file, one directory, a listing.
python3 "$EXTRACT" extract "$STORE" tree/new "$WORK/new"
grep -q "behind the checkpoint" "$WORK/new"
python3 "$EXTRACT" extract "$STORE" /tree/sticky "$WORK/sticky"
[ "$(stat -c %a "$WORK/sticky")" = 1777 ]
python3 "$EXTRACT" list "$STORE" tree >"$WORK/list"
grep -q -- '-rwsr-sr-x .* 1234  *4321 .* setuid$' "$WORK/list"
[ "$(find "$WORK/out2/tree" | wc -l)" = "$(wc -l <"$WORK/list")" ]

# Damage is told, and an older checkpoint or the log used.
newest=$(basename "$(find "$STORE/root" -type f | sort | tail -1)")
printf X | dd of="$STORE/root/$newest" bs=1 seek=100 conv=notrunc status=none
python3 "$EXTRACT" extract "$STORE" "$WORK/out3" 2>"$WORK/complaints"
grep -q "root/$newest" "$WORK/complaints"
check_tree "$WORK/out3" "$WORK/saved"
rm "$STORE/log/0000000000000002" "$STORE"/root/*
if python3 "$EXTRACT" list "$STORE" 2>"$WORK/complaints"; then
	fail "a log with a gap was taken for whole"
fi
grep -q "is missing" "$WORK/complaints"
