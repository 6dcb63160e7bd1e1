#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What waits for what behind a slow link: a small file not for a copy without
# fsync; for an fsynced large file it does, and status says so; not with
# barrier=relaxed. More megabytes than the test's take as long as they take:
#
#	DRAY=build/release/dray DRAY_TEST_TOOLS=build/release/tests/lib \
#		tests/lib/with_rgw.sh --link 20000000,20000000 tests/e2e/rgw_link_order.sh 2000
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
URL=$DRAY_TEST_S3_URL
MEGABYTES=${1:-60}
# A machine that is busy with other tests takes its time for everything.
TIMED=$#
DELAY=5

state() { python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], "user.dray.state").decode())' "$1"; }
status() { "$DRAY" status "$MNT" --json | python3 -c "import json,sys; s = json.load(sys.stdin); print($1)"; }
large() { head -c "${MEGABYTES}000000" /dev/urandom; }

# in_cloud FILE: returns when it is; the time that took is in $TOOK, in ms.
in_cloud() {
	local start
	start=$(date +%s%3N)
	until [ "$(state "$1")" = cloud ]; do sleep 0.1; done
	TOOK=$(($(date +%s%3N) - start))
}

# not_held_up FILE LARGE: a small file written now is in the cloud before the large
# one, and (long form) within two upload delays.
not_held_up() {
	echo small >"$1"
	in_cloud "$1"
	[ "$(state "$2")" != cloud ] || fail "the test is void: the large file was faster"
	echo "a small file was in the cloud after $TOOK ms, beside ${MEGABYTES} MB: $2"
	((TIMED == 0 || TOOK <= 2 * DELAY * 1000)) || fail "a small file waited for $TOOK ms"
}

mkdir "$MNT"
"$DRAY" init "$URL" >/dev/null
MOUNT_OPTIONS=upload-delay=${DELAY}s
mount_volume

# While it is being copied, and when it was.
large >"$MNT/bulk" &
sleep 1
not_held_up "$MNT/during" "$MNT/bulk"
[ "$(status 's["held_by"]')" = "[]" ] || fail "a copy without fsync holds the commit"
"$DRAY" lost "$URL" >"$WORK/lost" 2>/dev/null
[ "$(state "$MNT/bulk")" = cloud ] || grep -q /bulk "$WORK/lost" ||
	fail "the ledger does not name the copy"
wait
rm "$MNT/bulk"
large >"$MNT/copied"
not_held_up "$MNT/after" "$MNT/copied"
rm "$MNT/copied"

large | dd of="$MNT/synced" bs=1M iflag=fullblock conv=fsync status=none
until "$DRAY" status "$MNT" >"$WORK/status" &&
	grep -q "^held by .*/synced, of which .* missing" "$WORK/status"; do
	[ "$(state "$MNT/synced")" != cloud ] || fail "status is silent"
	sleep 0.1
done
status 's["held_by"][0]["path"] + str(s["held_by"][0]["bytes_missing"] > 0)' >"$WORK/held"
[ "$(cat "$WORK/held")" = /syncedTrue ] || fail "status --json is silent: $(cat "$WORK/held")"
echo small >"$MNT/behind"
until [ "$(state "$MNT/synced")" = cloud ]; do
	[ "$(state "$MNT/behind")" != cloud ] || [ "$(state "$MNT/synced")" = cloud ] ||
		fail "a commit passed the fsync"
	sleep 0.2
done
in_cloud "$MNT/behind"
umount_volume

MOUNT_OPTIONS=upload-delay=${DELAY}s,barrier=relaxed
mount_volume
large | dd of="$MNT/passed" bs=1M iflag=fullblock conv=fsync status=none
not_held_up "$MNT/beside" "$MNT/passed"
"$DRAY" lost "$URL" --json 2>/dev/null | python3 -c '
import json, sys
[row] = [json.loads(line) for line in sys.stdin]
assert row["path"] == "/passed" and row["fsynced"] is True, row'
umount_volume
