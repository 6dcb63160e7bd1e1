#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A server that ignores If-None-Match: nothing is made there and nothing is
# mounted from there, with the reason; --unsafe-single-writer goes on.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires curl
URL=$DRAY_TEST_S3_URL
dray() { timeout 120 "$DRAY" "$@"; }
server() { curl -sf "$DRAY_TEST_FAULT_CONTROL/?$1" >/dev/null; }
mkdir -p "$MNT"

server careless=1
refused dray init "$URL"
says "If-None-Match"
says "--unsafe-single-writer"
refused dray mount "$URL" "$MNT" --cache "$CACHE"
says "holds no volume" # none was left behind

# A volume that is there is not replaced by asking.
server careless=0
dray init "$URL" --name first >/dev/null
server careless=1
refused dray init "$URL" --name second
says "holds a volume already"
refused dray mount "$URL" "$MNT" --cache "$CACHE"
says "If-None-Match"
says "--unsafe-single-writer"

# With the option all works, on this server and on a careful one.
mount_unsafe() {
	dray mount "$URL" "$MNT" --cache "$CACHE" --unsafe-single-writer -o "log=$LOG"
}
mount_unsafe
make_tree "$MNT/tree"
save_tree "$MNT/tree" "$WORK/saved"
dray wait "$MNT"
[ "$(dray status "$MNT" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["name"])')" = first ] ||
	fail "the volume was replaced"
kill_gateway
umount -l "$MNT"
mount_unsafe
echo more >"$MNT/more"
umount_volume
dray drain "$CACHE" --unsafe-single-writer >/dev/null
server careless=0
rm -rf "$CACHE"
mount_volume
check_tree "$MNT/tree" "$WORK/saved"
[ "$(cat "$MNT/more")" = more ] || fail "what was drained is not there"
