#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# "dray wait" is about what programs have written, also into files that they hold
# open and never sync, and into shared mappings: all of it survives the loss of the
# machine that follows.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume
mount_volume

python3 - "$MNT" "$WORK/written" <<'PYTHON' &
import mmap, os, sys, time
top, written = sys.argv[1:]
log = os.open(f"{top}/log", os.O_WRONLY | os.O_CREAT)
os.write(log, b"a line of a log\n" * 1000)
fd = os.open(f"{top}/mapped", os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 100000)
memory = mmap.mmap(fd, 100000)
os.close(fd)
memory[50000:50006] = b"mapped"
open(written, "w").close()
time.sleep(1000)
PYTHON
ends_with_test $!
until [ -e "$WORK/written" ]; do sleep 0.02; done
timeout 300 "$DRAY" wait "$MNT"
kill_gateway
umount -l "$MNT"
rm -rf "$CACHE"

MOUNT_OPTIONS=takeover
mount_volume
[ "$(sort -u "$MNT/log")" = "a line of a log" ] || fail "the log: $(sort -u "$MNT/log" | head -n 2)"
[ "$(wc -l <"$MNT/log")" = 1000 ] || fail "the log has $(wc -l <"$MNT/log") lines"
[ "$(tail -c +50001 "$MNT/mapped" | head -c 6)" = mapped ] || fail "the mapping is lost"
umount_volume
