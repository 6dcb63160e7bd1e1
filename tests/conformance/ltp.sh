#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs the file system programs of LTP on a new volume, or in DIRECTORY, as its
# runtest/fs names them: ltp.sh [NAME...]
#
#	LTP=/path/to/ltp tests/conformance/ltp.sh
#
# LTP is a checkout with lib/ and testcases/kernel/{fs,io} built. A program that
# runs for a time (-L) runs for 3 s. Not run: what is about /dev, /proc or mounts
# of its own (named in SKIPPED).
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"

SKIPPED='^(proc01|read_all_|quota_remount|isofs|fs_fill|binfmt|squashfs|fs_racer|linker|rwtest|iogen|lftest|writetest|fs_di|acl_)'

requires_mount
[ -n "${LTP:-}" ] || skip "LTP is not set: the path of a built checkout of LTP"
[ -e "$LTP/runtest/fs" ] || skip "there is no LTP in $LTP"
[ -x "$LTP/testcases/kernel/fs/ftest/ftest01" ] || skip "LTP in $LTP is not built"
LTP=$(realpath "$LTP")
if [ -z "${DIRECTORY:-}" ]; then
	new_volume
	mount_volume
	DIRECTORY=$MNT
fi
PATH=$PATH:$(find "$LTP/testcases/kernel/fs" "$LTP/testcases/kernel/io" -type d | paste -s -d :)
export TMPDIR=$DIRECTORY/ltp LTPROOT=$LTP
mkdir -p "$TMPDIR"
cd "$TMPDIR"
passed=0
failed=
while read -r name command; do
	[[ $name =~ ^[a-z] && ! $name =~ $SKIPPED ]] || continue
	[ $# = 0 ] || [[ " $* " == *" $name "* ]] || continue
	command=$(sed -E 's/ -L [0-9]+/ -L 3/' <<<"$command")
	if nice -n 5 bash -c "$command" >"$WORK/$name.out" 2>&1; then
		passed=$((passed + 1))
	else
		failed+=" $name"
		tail -n 20 "$WORK/$name.out"
	fi
done <"$LTP/runtest/fs"
echo "passed: $passed, failed:${failed:- none}"
cd /
rm -rf "$TMPDIR"
[ -z "$failed" ]
