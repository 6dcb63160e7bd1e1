#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checkpoints on real mounts: the machine is lost, and a new one restores from
# the newest checkpoint and the log behind it, or from an older one when that
# is damaged.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
MOUNT_OPTIONS=checkpoint-commits=3,upload-delay=200ms
new_volume

roots() {
	find "$STORE/root" -type f 2>/dev/null | sort
}

# await_roots COUNT
await_roots() {
	until [ "$(roots | wc -l)" -ge "$1" ]; do
		touch "$MNT/beside"
		sleep 0.1
	done
}

mount_volume
make_tree "$MNT/tree"
"$DRAY" wait "$MNT"
await_roots 1
rm -rf "$MNT"/tree/dir1*
make_tree "$MNT/tree2" 2
"$DRAY" wait "$MNT"
await_roots 2
"$DRAY" status "$MNT" --json >"$WORK/status"
python3 - "$WORK/status" <<'PYTHON'
import json, sys
status = json.load(open(sys.argv[1]))
assert 0 < status["checkpoint_seq"] <= status["committed_seq"], status
PYTHON
umount_volume

# A log behind the newest checkpoint; then all is lost.
MOUNT_OPTIONS=
mount_volume
mv "$MNT/tree/setuid" "$MNT/moved"
echo behind >"$MNT/behind"
save_tree "$MNT" "$WORK/saved"
"$DRAY" wait "$MNT"
kill_gateway
umount -l "$MNT"
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume

# The log before the first checkpoint is no part of that, but for files in it.
rm -rf "$CACHE"
newest=$(basename "$(roots | tail -1)")
printf 'X' | dd of="$STORE/root/$newest" bs=1 seek=90 conv=notrunc status=none
mount_volume
grep -q "no restore from the checkpoint root/$newest" "$LOG"
check_tree "$MNT" "$WORK/saved"
umount_volume

# Without a checkpoint that can be read, the log as a whole.
rm -rf "$CACHE"
roots | xargs rm
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
