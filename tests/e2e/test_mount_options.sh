#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Mount options that change what is seen and who may do what; and two gateways
# of two volumes on one machine.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires setpriv
new_volume
chmod 755 "$WORK"
somebody() {
	setpriv --reuid 12345 --regid 12345 --clear-groups "$@"
}
mount_with() {
	"$DRAY" mount "$URL" "$MNT" --cache "$CACHE" -o "log=$LOG${1:+,$1}"
}

# Without allow_other nobody else gets in, with it as the modes say.
mount_with ""
echo secret >"$MNT/secret"
chmod 600 "$MNT/secret"
echo public >"$MNT/public"
mkdir "$MNT/shared"
chmod 1777 "$MNT/shared"
! somebody cat "$MNT/public" 2>/dev/null || fail "somebody got in without allow_other"
umount_volume
mount_with allow_other
[ "$(somebody cat "$MNT/public")" = public ] || fail "allow_other lets nobody in"
! somebody cat "$MNT/secret" 2>/dev/null || fail "the mode of a file is not heeded"
somebody sh -c "echo mine >'$MNT/shared/mine'"
[ "$(stat -c %u:%g "$MNT/shared/mine")" = 12345:12345 ] || fail "a new file is not its maker's"
! somebody rm "$MNT/public" 2>/dev/null || fail "the mode of a directory is not heeded"
umount_volume

# Without default_permissions nobody is checked.
mount_with allow_other,no_default_permissions
[ "$(somebody cat "$MNT/secret")" = secret ] || fail "no_default_permissions checks modes"
umount_volume
mount_with allow_other,default_permissions
! somebody cat "$MNT/secret" 2>/dev/null || fail "default_permissions does not check modes"
umount_volume

# Every file as one user's, without some bits; what is kept does not change.
mount_with allow_other,uid=12345,gid=23456,umask=027
[ "$(stat -c %u:%g:%a "$MNT/public" "$MNT/shared" | sort -u | paste -s)" = \
	$'12345:23456:1750\t12345:23456:640' ] || fail "$(stat "$MNT/public" "$MNT/shared")"
[ "$(somebody cat "$MNT/secret")" = secret ] || fail "uid= does not make the file somebody's"
echo new >"$MNT/new"
[ "$(stat -c %u:%g "$MNT/new")" = 12345:23456 ] || fail "a new file shows its owner"
umount_volume
mount_with allow_other
[ "$(stat -c %u:%g:%a "$MNT/public" "$MNT/secret" | paste -s)" = $'0:0:644\t0:0:600' ] ||
	fail "uid=, gid=, umask= changed what is kept"
[ "$(stat -c %u:%g "$MNT/new")" = 0:0 ] || fail "a new file is not its maker's"
umount_volume

# Read-only.
mount_with ro,allow_other
[ "$(cat "$MNT/public")" = public ] || fail "not readable"
for command in "touch $MNT/x" "rm $MNT/public" "mkdir $MNT/x" "chmod 600 $MNT/public" \
	"mv $MNT/public $MNT/x" "ln $MNT/public $MNT/x" "truncate -s 0 $MNT/public"; do
	! $command 2>/dev/null || fail "read-only, yet: $command"
done
umount_volume

# Two volumes, two gateways, one machine.
mkdir "$WORK/store2" "$WORK/mnt2"
"$DRAY" init "file://$WORK/store2" >/dev/null
mount_with allow_other
"$DRAY" mount "file://$WORK/store2" "$WORK/mnt2" --cache "$WORK/cache2" -o "log=$LOG"
make_tree "$MNT/tree" 1 &
make_tree "$WORK/mnt2/tree" 2
wait $!
save_tree "$MNT/tree" "$WORK/saved"
save_tree "$WORK/mnt2/tree" "$WORK/saved2"
cp "$MNT/public" "$WORK/mnt2/copy"
! ln "$MNT/public" "$WORK/mnt2/link" 2>/dev/null || fail "a link from one volume into the other"
mv "$WORK/mnt2/copy" "$MNT/copy"
[ "$(cat "$MNT/copy")" = public ] || fail "a file was not moved from one volume to the other"
kill_gateway
check_tree "$WORK/mnt2/tree" "$WORK/saved2"
mount_with allow_other
check_tree "$MNT/tree" "$WORK/saved"
"$DRAY" umount "$WORK/mnt2" >/dev/null
check_tree "$MNT/tree" "$WORK/saved"
umount_volume
