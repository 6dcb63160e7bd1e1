#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What Linux promises of a file system.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount

new_volume
mount_volume
python3 "$E2E/posix.py" "$MNT" "$@"
umount_volume
