#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs pjdfstest on a new volume, or in DIRECTORY: pjdfstest.sh [TEST...]
#
#	PJDFSTEST=/path/to/pjdfstest tests/conformance/pjdfstest.sh
#	PJDFSTEST=... DIRECTORY=/mnt/ext4 tests/conformance/pjdfstest.sh chown
#
# PJDFSTEST is a built checkout. Without tests named, all of them run.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/../e2e/lib.sh"

requires_mount
requires prove
[ -n "${PJDFSTEST:-}" ] || skip "PJDFSTEST is not set: the path of a built checkout of pjdfstest"
[ -x "$PJDFSTEST/pjdfstest" ] || skip "there is no built pjdfstest in $PJDFSTEST"
PJDFSTEST=$(realpath "$PJDFSTEST")
tests=("${@/#/$PJDFSTEST/tests/}")
[ $# -gt 0 ] || tests=("$PJDFSTEST/tests")
if [ -z "${DIRECTORY:-}" ]; then
	new_volume
	mount_volume
	DIRECTORY=$MNT
fi
mkdir -p "$DIRECTORY/pjdfstest"
cd "$DIRECTORY/pjdfstest"
status=0
nice -n 5 prove -r -j 4 "${tests[@]}" || status=$?
cd /
rm -rf "$DIRECTORY/pjdfstest"
exit $status
