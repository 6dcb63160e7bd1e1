#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file is replaced by one that is still open for writing, and the gateway is
# killed at once: the name has the old content or the new, never less.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume
mount_volume
coproc HOLDER {
	python3 -c '
import os, sys
os.chdir(sys.argv[1])
with open("name", "wb") as file:
    file.write(b"old" * 1000)
fd = os.open("new", os.O_CREAT | os.O_WRONLY)
os.write(fd, b"new" * 100000)
os.rename("new", "name")
print("renamed", flush=True)
sys.stdin.read()
' "$MNT"
}
ends_with_test "$HOLDER_PID"
read -r <&"${HOLDER[0]}"
kill_gateway
kill "$HOLDER_PID"
wait "$HOLDER_PID" 2>/dev/null || true
mount_volume
[ "$(stat -c %s "$MNT/name")" = 300000 ] || fail "the name has $(stat -c %s "$MNT/name") bytes"
[ "$(tr -d 'new' <"$MNT/name" | wc -c)" = 0 ] || fail "the name has other bytes"
umount_volume
