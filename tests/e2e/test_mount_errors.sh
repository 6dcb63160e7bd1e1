#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be mounted is refused with one line that says why, status 1, and
# nothing is left behind.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume
mount=("$DRAY" mount "$URL" "$MNT" --cache "$CACHE")

refused "$DRAY" mount "$URL" "$WORK/missing" --cache "$CACHE"
says "$WORK/missing: there is no such directory"
touch "$WORK/file"
refused "$DRAY" mount "$URL" "$WORK/file" --cache "$CACHE"
says "$WORK/file: it is not a directory"
touch "$MNT/something"
refused "${mount[@]}"
says "not empty"
rm "$MNT/something"
refused "${mount[@]}" -o cache-size=5Q
says "mount option cache-size=5Q"
refused "${mount[@]}" -o rw,frobnicate
says "unknown mount option frobnicate"
refused "$DRAY" mount "file://$WORK/elsewhere" "$MNT" --cache "$CACHE"
says "$WORK/elsewhere"
refused "$DRAY" mount "ftp://host/path" "$MNT" --cache "$CACHE"
says "ftp://host/path"
refused "$DRAY" mount "$URL" "$MNT" --cache "$WORK/file"
says "$WORK/file"
refused "${mount[@]}" -o "log=$WORK/missing/log"
says "$WORK/missing/log"
[ -z "$(mounts_below "$WORK")" ] || fail "something is mounted"

# A symlink and a relative path are taken as what they are.
ln -s mnt "$WORK/link"
(cd "$WORK" && "$DRAY" mount "$URL" link --cache cache -o "log=$LOG")
[ "$(mounts_below "$WORK")" = "$MNT" ] || fail "not mounted on $MNT"
[ -e "$CACHE/volume.json" ] || [ -e "$CACHE/lock" ] || fail "the cache is not in $CACHE"

refused "${mount[@]}"
says "mounted there already"
mkdir "$WORK/mnt2"
refused "$DRAY" mount "$URL" "$WORK/mnt2" --cache "$CACHE"
says "$CACHE is in use"
[ "$(mounts_below "$WORK")" = "$MNT" ] || fail "the mounts changed"
echo data >"$MNT/file"
umount_volume
[ -z "$(mounts_below "$WORK")" ] || fail "still mounted"

# Over entries when it is asked for.
touch "$MNT/hidden"
"${mount[@]}" -o "nonempty,log=$LOG"
[ "$(ls "$MNT")" = file ] || fail "the volume does not show"
umount_volume
[ "$(ls "$MNT")" = hidden ] || fail "the entry did not come back"
rm "$MNT/hidden"

# Read-only.
"${mount[@]}" -o "ro,log=$LOG"
[ "$(cat "$MNT/file")" = data ] || fail "not readable"
! touch "$MNT/new" 2>/dev/null || fail "writable"
umount_volume
