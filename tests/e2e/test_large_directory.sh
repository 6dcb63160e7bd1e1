#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A directory of 100,000 entries: made, listed, thinned out, removed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
count=${COUNT:-100000}
new_volume
mount_volume
python3 - "$MNT/d" "$count" <<'PYTHON'
import os
import sys

top, count = sys.argv[1], int(sys.argv[2])


def listed():
    with os.scandir(top) as entries:
        names = [entry.name for entry in entries]
    assert len(names) == len(set(names)), "an entry is listed twice"
    return set(names)


os.mkdir(top)
wanted = {f"entry-{number}" for number in range(count)}
for name in wanted:
    os.mknod(os.path.join(top, name))
assert listed() == wanted
thinned = {f"entry-{number}" for number in range(0, count, 2)}
for name in thinned:
    os.unlink(os.path.join(top, name))
assert listed() == wanted - thinned
for name in wanted - thinned:
    os.stat(os.path.join(top, name))
PYTHON
umount_volume
mount_volume
[ "$(find "$MNT/d" -mindepth 1 | wc -l)" = $((count / 2)) ] || fail "entries were lost"
rm -rf "$MNT/d"
[ -z "$(ls -A "$MNT")" ] || fail "something is left"
umount_volume
