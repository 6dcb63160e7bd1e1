#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The S3 server goes away while programs write, and comes back: writes go on up to
# the limit and no further, without an error; rm, reads and metadata go on; what is
# waited for arrives. The limits hold in every sample.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
RGW=$E2E/../lib/rgw.sh
status=0
"$RGW" start "$WORK/rgw" || status=$?
[ $status != 77 ] || skip "needs Ceph"
[ $status = 0 ] || fail "no S3 server"
trap '"$RGW" stop "$WORK/rgw"; cleanup' EXIT
set -a
# shellcheck disable=SC1091
source "$WORK/rgw/env"
set +a
export AWS_ENDPOINT_URL=$DRAY_TEST_S3_ENDPOINT AWS_REGION=us-east-1
export AWS_ACCESS_KEY_ID=$DRAY_TEST_S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$DRAY_TEST_S3_SECRET_KEY
"${DRAY_TEST_TOOLS:-$(dirname "$DRAY")/tests/lib}/s3_bucket" create away
URL=s3://away/test
MOUNT_OPTIONS=cache-size=64M,dirty-limit=24M
new_volume
mount_volume
echo here >"$MNT/before"
"$DRAY" wait "$MNT"

# Samples until the file "end" is there; the most of what was seen goes to "most".
python3 - "$E2E" "$CACHE" "$WORK" <<'PYTHON' &
import os, sys, time
sys.path.insert(0, sys.argv[1])
import control
sock = control.connect(sys.argv[2])
most = [0, 0]
while not os.path.exists(f"{sys.argv[3]}/end"):
    answer = list(control.ask(sock, {"verb": "status"}))[-1]
    status = answer.get("status", answer)
    most = [max(most[0], status["dirty_bytes"]), max(most[1], status["cache_used_bytes"])]
    time.sleep(0.02)
with open(f"{sys.argv[3]}/most", "w") as file:
    print(*most, file=file)
PYTHON
sampler=$!
ends_with_test $sampler

"$RGW" halt "$WORK/rgw"
head -c 80M /dev/urandom >"$WORK/data"
cp "$WORK/data" "$MNT/large" &
writer=$!
ends_with_test $writer
dirty() {
	"$DRAY" status "$MNT" --json |
		python3 -c 'import json,sys; print(json.load(sys.stdin)["dirty_bytes"])'
}
for _ in $(seq 900); do
	[ "$(dirty)" -lt $((20 << 20)) ] || break
	sleep 0.1
done
[ "$(dirty)" -ge $((20 << 20)) ] || fail "writes do not go on up to the limit"
[ "$(cat "$MNT/before")" = here ] || fail "reading does not go on"
mkdir "$MNT/dir" || fail "mkdir does not go on"
mv "$MNT/before" "$MNT/dir/" || fail "rename does not go on"
rm "$MNT/dir/before" || fail "rm does not go on"
kill -0 $writer 2>/dev/null || fail "more was taken in than the limit allows"

"$RGW" resume "$WORK/rgw"
wait $writer || fail "the writer saw an error"
timeout 300 "$DRAY" wait "$MNT" || fail "not all arrives"
[ "$(dirty)" = 0 ] || fail "something is left"
touch "$WORK/end"
wait $sampler
read -r most_dirty most_used <"$WORK/most"
[ "$most_dirty" -le $((24 << 20)) ] || fail "$most_dirty bytes were dirty, of 24 MiB"
[ "$most_used" -le $((64 << 20)) ] || fail "$most_used bytes were used, of 64 MiB"
umount_volume
CACHE=$WORK/restored
mount_volume
cmp "$WORK/data" "$MNT/large" || fail "the restored file is another"
umount_volume
