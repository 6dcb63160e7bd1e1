#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An ordinary user mounts, through fusermount3.
user=65534

# Where /dev/fuse is root's only, the test has a /dev/fuse of its own, in a
# namespace of its own.
if [ "$(stat -c %a /dev/fuse)" != 666 ] && [ -z "${OWN_NAMESPACE:-}" ]; then
	OWN_NAMESPACE=1 exec unshare -m --propagation private "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires fusermount3 setpriv
if [ -n "${OWN_NAMESPACE:-}" ]; then
	mknod "$WORK/fuse" c 10 229
	chmod 666 "$WORK/fuse"
	mount --bind "$WORK/fuse" /dev/fuse
fi
chmod 755 "$WORK"
[ -u "$(command -v fusermount3)" ] || skip "fusermount3 is not set-user-ID root"
setpriv --reuid $user --regid $user --clear-groups test -x "$DRAY" ||
	skip "$DRAY cannot be run by others"
mkdir -p "$STORE" "$MNT" "$WORK/home"
chown $user:$user "$STORE" "$MNT" "$WORK/home"
as_user() {
	setpriv --reuid $user --regid $user --clear-groups \
		env -u XDG_CACHE_HOME HOME="$WORK/home" "$@"
}

as_user "$DRAY" init "$URL" >/dev/null
as_user "$DRAY" mount "$URL" "$MNT"
[ -d "$WORK/home/.cache/dray" ] || fail "the cache is not below ~/.cache"
as_user sh -c "echo mine >'$MNT/file'"
[ "$(as_user cat "$MNT/file")" = mine ] || fail "not readable"
[ "$(as_user stat -c %u:%g "$MNT/file")" = $user:$user ] || fail "not owned by the user"
! ls "$MNT" 2>/dev/null || fail "root gets in without allow_other"

as_user sh -c "cd '$MNT'; echo \$\$ >'$WORK/home/pid'; exec sleep 1000" &
until [ -s "$WORK/home/pid" ]; do sleep 0.02; done
sleeper=$(cat "$WORK/home/pid")
ends_with_test "$sleeper"
refused as_user "$DRAY" umount "$MNT"
says "is in use"
kill "$sleeper"
wait $! || true
as_user "$DRAY" umount "$MNT"
[ -z "$(mounts_below "$WORK")" ] || fail "still mounted"

as_user "$DRAY" mount "$URL" "$MNT"
[ "$(as_user cat "$MNT/file")" = mine ] || fail "the file is gone"
as_user fusermount3 -u "$MNT"
refused as_user env PATH=/nowhere "$DRAY" mount "$URL" "$MNT"
says "fusermount3 is missing"
