#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine is lost, the bucket is left: a mount with an empty cache brings
# everything back.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
new_volume
mount_volume
make_tree "$MNT/tree"
save_tree "$MNT/tree" "$WORK/saved"
"$DRAY" wait "$MNT"
umount_volume

rm -rf "$CACHE"
mount_volume
check_tree "$MNT/tree" "$WORK/saved"

# And it goes on from there: a second life, a second loss.
rm -rf "$MNT"/tree/dir*
make_tree "$MNT/tree2" 2
mv "$MNT/tree/setuid" "$MNT/moved"
save_tree "$MNT" "$WORK/saved"
"$DRAY" wait "$MNT"
kill_gateway
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
