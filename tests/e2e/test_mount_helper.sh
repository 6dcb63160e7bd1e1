#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mount -t fuse.dray and umount(8), through the helper. It lies in /sbin of a
# mount namespace of the test's own.
if [ -z "${OWN_NAMESPACE:-}" ]; then
	OWN_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
mkdir "$WORK/tmpfs"
mount -t tmpfs tmpfs "$WORK/tmpfs" || skip "no tmpfs"
mkdir "$WORK/tmpfs/upper" "$WORK/tmpfs/work"
mount -t overlay overlay /sbin -o "lowerdir=/sbin,upperdir=$WORK/tmpfs/upper,workdir=$WORK/tmpfs/work" ||
	skip "no overlay on /sbin"
install -m 755 "$E2E/../../packaging/mount.fuse.dray" /sbin/mount.fuse.dray
ln -s "$DRAY" /sbin/dray # mount(8) sets the PATH of its helpers
new_volume

mount -t fuse.dray "$URL" "$MNT" -o "cache=$CACHE,log=$LOG,_netdev,x-systemd.automount"
[ "$(findmnt -n -o SOURCE,FSTYPE "$MNT" | tr -s ' ')" = "$URL fuse.dray" ] ||
	fail "mounted as $(findmnt "$MNT")"
mknod "$MNT/null" c 1 3
echo gone >"$MNT/null" || fail "devices do not work, which mount(8) allows by default"
echo data >"$MNT/file"
umount "$MNT"
! findmnt "$MNT" >/dev/null || fail "still mounted"

mount -t fuse.dray "$URL" "$MNT" -o "ro,nodev,cache=$CACHE,log=$LOG"
[ "$(cat "$MNT/file")" = data ] || fail "the file is not what was written"
! touch "$MNT/new" 2>/dev/null || fail "writable"
! cat "$MNT/null" 2>/dev/null || fail "nodev is not heeded"
umount "$MNT"

# Options of a mount that is there.
mount -t fuse.dray "$URL" "$MNT" -o "cache=$CACHE,log=$LOG"
mount -o remount,ro "$MNT"
! touch "$MNT/new" 2>/dev/null || fail "writable after remount,ro"
mount -o remount,rw "$MNT"
touch "$MNT/new"
umount "$MNT"

# An entry of fstab(5).
echo "$URL $MNT fuse.dray cache=$CACHE,log=$LOG,noauto,nofail 0 0" >"$WORK/fstab"
mount -T "$WORK/fstab" "$MNT"
[ "$(cat "$MNT/file")" = data ] || fail "the file is not what was written"
umount "$MNT"

status=0
mount -t fuse.dray "file://$WORK/missing" "$MNT" 2>"$WORK/err" || status=$?
[ $status != 0 ] || fail "a volume that is not there was mounted"
grep -q "$WORK/missing" "$WORK/err" || fail "mount(8) does not say why: $(cat "$WORK/err")"
