#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The control socket: each verb, malformed input, clients that go away or do
# not read, too many of them.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume
mount_volume
mkdir "$MNT/d"
echo one >"$MNT/d/file"
touch "$MNT/d/"$'\xff'
[ "$(stat -c %a "$CACHE/control.sock")" = 600 ] || fail "others may connect"
[ "$(python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], "user.dray.control").decode())' \
	"$MNT")" = "$CACHE" ] || fail "the mount does not name its cache"
python3 -W ignore "$E2E/control_cases.py" "$CACHE" "$MNT"
[ "$(find "$MNT/d" -mindepth 1 | wc -l)" = 2 ] || fail "the gateway does not serve any more"
umount_volume
