#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a real S3 server: a machine is lost behind a checkpoint, a new one
# restores from it and goes on with checkpoints of its own.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
URL=$DRAY_TEST_S3_URL
MOUNT_OPTIONS=checkpoint-commits=3,upload-delay=200ms
new_volume

# await_checkpoints COUNT: so many are told in the log.
await_checkpoints() {
	until [ "$(grep -c "checkpoint root/" "$LOG")" -ge "$1" ]; do
		touch "$MNT/beside"
		sleep 0.2
	done
}

mount_volume
make_tree "$MNT/tree"
timeout 300 "$DRAY" wait "$MNT"
await_checkpoints 1
mv "$MNT/tree/setuid" "$MNT/moved"
save_tree "$MNT" "$WORK/saved"
timeout 300 "$DRAY" wait "$MNT"
kill_gateway
umount -l "$MNT"
rm -rf "$CACHE"

mount_volume
check_tree "$MNT" "$WORK/saved"
rm -rf "$MNT"/tree/dir1*
timeout 300 "$DRAY" wait "$MNT"
await_checkpoints 3
save_tree "$MNT" "$WORK/saved"
timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
