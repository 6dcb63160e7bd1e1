#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs xfstests on two new volumes: xfstests.sh [TEST-OR-OPTION...]
#
#	XFSTESTS=/path/to/xfstests tests/conformance/xfstests.sh		(-g generic/quick)
#	XFSTESTS=/path/to/xfstests tests/conformance/xfstests.sh generic/099
#
# XFSTESTS is a built checkout, which is copied and not changed. The suite kills
# by name, mounts by mount(8) and wants users of its own: it runs in namespaces
# of its own, with its changes of /etc and /usr/sbin in memory. RESULTS, a
# directory, gets its result files (default: removed).
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"

HELPER=$(realpath "$E2E/../../packaging/mount.fuse.dray")

# Makes a directory writable whose changes nobody else sees.
overlay() {
	local upper=$WORK/overlay/$1
	mkdir -p "$upper/upper" "$upper/work"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$upper/upper,workdir=$upper/work" "$1"
}

# mount(8) calls the helper with the volume's plain name, as xfstests wants it.
install_helper() {
	cat >/usr/sbin/mount.fuse.dray <<-EOF
		#!/bin/sh
		name=\$1
		shift
		PATH=$WORK/bin:\$PATH exec sh $HELPER "file://$WORK/\$name-store" "\$@" \\
			-o "\$(printf '%s\n' "\$@" | sed -n '/^-o\$/{n;p}' | tail -n 1)",fsname=\$name,cache=$WORK/\$name-cache,log=$LOG
	EOF
	chmod +x /usr/sbin/mount.fuse.dray
}

inside() {
	mkdir "$WORK/overlay"
	mount -t tmpfs tmpfs "$WORK/overlay"
	overlay /etc
	overlay /usr/sbin
	for user in fsgqa fsgqa2 123456-fsgqa; do
		id "$user" >/dev/null 2>&1 || useradd --badname -m -d "$WORK/home-$user" "$user"
	done
	mkdir "$WORK/bin"
	ln -s "$DRAY" "$WORK/bin/dray"
	install_helper
	mkdir "$WORK/test" "$WORK/scratch"
	"$DRAY" init "file://$WORK/drtest-store" >/dev/null
	"$DRAY" init "file://$WORK/drscratch-store" >/dev/null
	cd "$WORK/xfstests"
	# The type that df shows.
	sed -i "s,-e 's/fuse.ceph-fuse/ceph-fuse/',& -e 's/fuse.dray/fuse/'," common/rc
	export FSTYP=fuse FUSE_SUBTYP=.dray TEST_DEV=drtest TEST_DIR=$WORK/test
	export SCRATCH_DEV=drscratch SCRATCH_MNT=$WORK/scratch
	export FUSE_MOUNT_OPTIONS="-o allow_other,default_permissions"
	export TEST_FS_MOUNT_OPTS=$FUSE_MOUNT_OPTIONS
	nice -n 5 ./check -T "$@" || true
	[ -z "${RESULTS:-}" ] || cp -r results/. "$RESULTS/"
	umount "$TEST_DIR" "$SCRATCH_MNT" 2>/dev/null || true
}

if [ "${1:-}" = --inside ]; then
	shift
	rmdir "$WORK"
	WORK=$OUTER
	LOG=$WORK/gateway.log
	trap - EXIT ERR
	set +e
	inside "$@"
	exit
fi

requires_mount
requires unshare useradd
[ -n "${XFSTESTS:-}" ] || skip "XFSTESTS is not set: the path of a built checkout of xfstests"
[ -x "$XFSTESTS/check" ] || skip "there is no xfstests in $XFSTESTS"
[ -x "$XFSTESTS/ltp/fsx" ] || skip "xfstests in $XFSTESTS is not built"
[ $# -gt 0 ] || set -- -g generic/quick
chmod 755 "$WORK"
cp -r "$XFSTESTS" "$WORK/xfstests"
export OUTER=$WORK
unshare --mount --propagation slave --pid --fork --kill-child --mount-proc bash "$0" --inside "$@"
