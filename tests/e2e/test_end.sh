#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every way to end a gateway keeps what was written, and the next mount with
# the same cache goes on by itself.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume

# A program that writes, keeps the file open, says so, and waits.
hold_open() {
	python3 -c '
import os, sys
fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY)
os.write(fd, b"held" * 100000)
print("open", flush=True)
sys.stdin.read()
' "$1"
}

# umount(8) returns before its gateway has ended; the next mount waits for it.
mount_volume
make_tree "$MNT/tree"
save_tree "$MNT/tree" "$WORK/saved"
for _ in 1 2 3; do
	umount "$MNT"
	mount_volume
	check_tree "$MNT/tree" "$WORK/saved"
done

# dray umount refuses while files are in use, and goes on serving.
coproc HOLDER { hold_open "$MNT/held"; }
ends_with_test "$HOLDER_PID"
read -r <&"${HOLDER[0]}"
refused "$DRAY" umount "$MNT"
says "is in use"
check_tree "$MNT/tree" "$WORK/saved"

# A signal ends it all the same; dirty pages of the open file are kept.
pid=$(gateway_pid)
kill -TERM "$pid"
await_end "$pid"
[ -z "$(mounts_below "$WORK")" ] || fail "still mounted"
kill "$HOLDER_PID"
wait "$HOLDER_PID" 2>/dev/null || true
mount_volume
[ "$(stat -c %s "$MNT/held")" = 400000 ] || fail "the open file lost its pages"
[ "$(head -c 8 "$MNT/held")" = heldheld ] || fail "the open file has other bytes"
rm "$MNT/held"
check_tree "$MNT/tree" "$WORK/saved"

# Unmounted lazily, the gateway serves until the last file is closed; a new one
# waits for it.
coproc HOLDER { hold_open "$MNT/held"; }
ends_with_test "$HOLDER_PID"
read -r <&"${HOLDER[0]}"
umount -l "$MNT"
mount_volume &
mounting=$!
kill "$HOLDER_PID"
wait "$HOLDER_PID" 2>/dev/null || true
wait $mounting || fail "it did not wait"
[ "$(stat -c %s "$MNT/held")" = 400000 ] || fail "the open file lost its pages"
rm "$MNT/held"
check_tree "$MNT/tree" "$WORK/saved"

# A copy of the mount in another namespace does not keep the gateway.
# shellcheck disable=SC2016 # the inner shell expands it
unshare -m --propagation private sh -c 'echo >"$0"; exec sleep 1000' "$WORK/unshared" &
ends_with_test $!
until [ -e "$WORK/unshared" ]; do sleep 0.02; done
pid=$(gateway_pid)
umount_volume
await_end "$pid"
mount_volume

# A signal with nothing in use.
pid=$(gateway_pid)
kill -INT "$pid"
await_end "$pid"
mount_volume
check_tree "$MNT/tree" "$WORK/saved"

# kill -9; the dead mount is recognised.
kill_gateway
! stat "$MNT" 2>/dev/null || fail "the mount is not dead"
mount_volume
[ "$(mounts_below "$WORK")" = "$MNT" ] || fail "the dead mount is still there"
check_tree "$MNT/tree" "$WORK/saved"

# In the foreground, until a signal.
umount_volume
"$DRAY" mount "$URL" "$MNT" --cache "$CACHE" -f -o "log=$LOG" &
until mountpoint -q "$MNT"; do sleep 0.02; done
check_tree "$MNT/tree" "$WORK/saved"
kill -TERM $!
wait $! || fail "status $? after a signal in the foreground"
[ -z "$(mounts_below "$WORK")" ] || fail "still mounted"
