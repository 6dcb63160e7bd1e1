#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that are removed while a program has them open live until it closes
# them; when gateway or program end before that, nothing of them stays, neither
# in the volume's size nor in what waits for the cloud, nor after a restore.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
MOUNT_OPTIONS=upload-delay=1h

used_bytes() {
	echo $(($(stat -f -c '(%b - %f) * %S' "$MNT")))
}

# await_used BYTES: so much is used, soon: space is given back in steps.
await_used() {
	local waited
	for waited in {1..300}; do
		[ "$(used_bytes)" = "$1" ] && return
		sleep 0.1
	done
	fail "$(used_bytes) bytes are used after $((waited / 10)) s, not $1"
}

# open_and_remove [COMMAND...]: a program has files open that have no name any
# more, and writes and reads them still. The command is run before they go.
open_and_remove() {
	head -c 8M /dev/urandom >"$MNT/large"
	echo small >"$MNT/small"
	mkdir "$MNT/directory"
	exec 3<>"$MNT/large" 4<>"$MNT/small" 5<"$MNT/directory"
	"$@"
	rm "$MNT/large" "$MNT/small"
	rmdir "$MNT/directory"
	echo more >&4
	[ "$(stat -L -c %h /proc/self/fd/3)" = 0 ] || fail "the file has a name"
	[ "$(cat </proc/self/fd/4)" = more ] || fail "the file cannot be read"
}

close_all() {
	exec 3>&- 4>&- 5>&-
}

new_volume
mount_volume
echo kept >"$MNT/kept"
"$DRAY" wait "$MNT"
kept=$(used_bytes)

# crash_with_orphans [COMMAND...]
crash_with_orphans() {
	open_and_remove "$@"
	kill_gateway
	close_all
	umount -l "$MNT"
	mount_volume
	await_used "$kept"
}

open_and_remove
close_all
await_used "$kept"
crash_with_orphans
crash_with_orphans sync
crash_with_orphans "$DRAY" wait "$MNT"
[ "$(ls "$MNT")" = kept ] || fail "removed files are back"

# Nothing of them is left to upload, and the store has none.
"$DRAY" wait "$MNT"
"$DRAY" status "$MNT" --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
assert status["dirty_bytes"] == status["dirty_files"] == 0, status'
kill_gateway
umount -l "$MNT"
rm -rf "$CACHE"
MOUNT_OPTIONS=takeover
mount_volume
await_used "$kept"
[ "$(ls "$MNT")" = kept ] || fail "removed files are back after a restore"
umount_volume
