#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# dbench (what a file server does for its clients) and all programs of stress-ng's
# class "filesystem" at once, with their own checks. test_apps_load.sh [SECONDS]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires dbench stress-ng
seconds=${1:-30}
new_volume
mount_volume

mkdir "$MNT/dbench" "$MNT/stress"
dbench -t $((seconds / 3)) -D "$MNT/dbench" 4 >"$WORK/dbench.out" 2>&1 ||
	fail "dbench: $(tail -n 5 "$WORK/dbench.out")"
grep '^Throughput' "$WORK/dbench.out" || fail "dbench: $(tail -n 5 "$WORK/dbench.out")"

# Not run: "io" syncs every file system of the machine; "inotify" fails when an event
# takes longer than it expects, which on a busy machine it does; "binderfs", "procfs"
# and "verity" are about something else.
stress-ng --class filesystem --all 1 --exclude io,inotify,binderfs,procfs,verity \
	--timeout "${seconds}s" --verify --temp-path "$MNT/stress" >"$WORK/stress.out" 2>&1 ||
	fail "stress-ng: $(tail -n 20 "$WORK/stress.out")"
[ -z "$(ls -A "$MNT/stress")" ] || fail "stress-ng has left $(ls "$MNT/stress")"

save_tree "$MNT" "$WORK/saved"
timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
check_tree "$MNT" "$WORK/saved"
umount_volume
