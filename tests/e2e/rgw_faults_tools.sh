#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command while its S3 server is up, down, wrong: exit statuses, messages,
# wait and umount --flush, and that a mount goes on when the server comes back.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
URL=$DRAY_TEST_S3_URL
dray() { timeout 120 "$DRAY" "$@"; }

# status N COMMAND...: the command ends with status N.
status() {
	local wanted=$1 found=0
	shift
	"$@" >"$WORK/out" 2>&1 || found=$?
	[ $found = "$wanted" ] || fail "status $found instead of $wanted: $*: $(cat "$WORK/out")"
}

# Buckets and credentials that are none.
mkdir "$MNT"
refused dray init "s3://no-such-bucket-$$/x"
says "no-such-bucket-$$"
refused dray mount "s3://no-such-bucket-$$/x" "$MNT" --cache "$CACHE"
says "no-such-bucket-$$"
refused dray mount "$URL" "$MNT" --cache "$CACHE"
says "holds no volume: create one with dray init $URL"
refused env AWS_ACCESS_KEY_ID=nobody timeout 60 "$DRAY" init "$URL"
says "${DRAY_TEST_S3_BUCKET}"
refused env AWS_SECRET_ACCESS_KEY=wrong timeout 60 "$DRAY" init "$URL"
says "${DRAY_TEST_S3_BUCKET}"
refused env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY timeout 60 "$DRAY" init "$URL"
says "credentials"
refused env AWS_ENDPOINT_URL=nonsense timeout 60 "$DRAY" init "$URL"
says nonsense
dray init "$URL" >/dev/null
refused dray init "$URL"
says "holds a volume already"
refused env AWS_SECRET_ACCESS_KEY=wrong timeout 60 "$DRAY" mount "$URL" "$MNT" --cache "$CACHE"
says "${DRAY_TEST_S3_BUCKET}"
[ ! -e "$CACHE" ] || fail "a cache was made for nothing"

# A mount that waits for the gateway before it still repeats its requests.
mkdir "$CACHE"
exec 9>"$CACHE/lock"
flock 9
(sleep 1; exec 9>&-) &
exec 9>&-
mount_volume
wait
server p_503=0.5
head -c 200000 /dev/urandom >"$MNT/file"
dray wait "$MNT" --timeout 60
server reset

# The server is away: time-outs are 75, nothing fails, all is kept.
server down=1
head -c 300000 /dev/urandom >"$MNT/offline"
sum=$(sha256sum <"$MNT/offline")
status 75 dray wait "$MNT" --timeout 1
status 75 dray umount "$MNT" --flush --timeout 1
[ "$(sha256sum <"$MNT/offline")" = "$sum" ] || fail "the file is not readable offline"
[ "$(python3 -c 'import os,sys; print(os.getxattr(sys.argv[1], "user.dray.state").decode())' \
	"$MNT/offline")" != cloud ] || fail "the file claims to be in the cloud"
dray ls --dirty "$MNT" | grep -q offline || fail "the dirty file is not listed"
# At once also without the server; what is left is told; the next mount goes on.
dray umount "$MNT" >"$WORK/out"
grep -q "not in the cloud yet" "$WORK/out" || fail "the rest is not told: $(cat "$WORK/out")"
dray ls --dirty "$CACHE" | grep -q offline || fail "the dead cache does not list the file"
server down=0
mount_volume
[ "$(sha256sum <"$MNT/offline")" = "$sum" ] || fail "the file is not what was written"
dray umount "$MNT" --flush --timeout 60 >"$WORK/out"
[ ! -s "$WORK/out" ] || fail "umount --flush left something: $(cat "$WORK/out")"
rm -rf "$CACHE"
mount_volume
[ "$(sha256sum <"$MNT/offline")" = "$sum" ] || fail "the flushed file did not come back"
umount_volume
