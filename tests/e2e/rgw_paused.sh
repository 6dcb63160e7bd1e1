#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Gateways that fell out of time, on a real S3 server. One is stopped for longer
# than its lease while another takes over: when it goes on it can neither commit
# nor delete, is read-only, and what it had not uploaded is kept and exported.
# The same for cache directories that were copied or set back, as a snapshot of a
# virtual machine does. Nothing of the winner is lost, and no commit is overwritten.
#
#   rgw_paused.sh [LEASE]    seconds of the lease (2); prints the time of takeovers
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
lease=${1:-2}
URL=$DRAY_TEST_S3_URL
OTHER=$WORK/other
dray() { timeout 180 "$DRAY" "$@"; }
# gateway DIR CACHE [OPTION...]: uploads nothing by itself; dray wait does.
gateway() {
	local dir=$1 cache=$2
	shift 2
	mkdir -p "$dir"
	dray mount "$URL" "$dir" --cache "$cache" \
		-o "upload-delay=1h,lease-ttl=${lease}s,log=$LOG" "$@"
}
pid_of() { python3 "$E2E/control.py" "$1" ping | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])'; }
status_of() { dray status "$1" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$2'])"; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
check_log() { python3 "$E2E/bucket_log.py" "$URL" "$WORK/seen" >"$WORK/log-is" || fail "the log of the bucket"; }
# All that a gateway may not do once it was replaced: $1 its mount.
is_out() {
	for _ in $(seq 300); do
		[ "$(status_of "$1" state)" != read-only ] || break
		sleep 0.1
	done
	[ "$(status_of "$1" state)" = read-only ] || fail "state $(status_of "$1" state)"
	[[ $(status_of "$1" state_cause) = *"took over"* ]] || fail "no cause is told"
	! touch "$1/x" 2>/dev/null || fail "it takes changes"
	! rm "$1/base" 2>/dev/null || fail "it removes files"
}
new_volume

# A gateway stands still with data that is nowhere else.
gateway "$MNT" "$CACHE"
echo old >"$MNT/base"
dray wait "$MNT"
make_tree "$MNT/late" 2
echo later >"$MNT/base"
save_tree "$MNT/late" "$WORK/late"
first=$(pid_of "$CACHE")
ends_with_test "$first"
kill -STOP "$first"
start=$(now_ms)
gateway "$OTHER" "$WORK/cache-other"
echo "takeover from a gateway that stands still, lease $lease s: $(($(now_ms) - start)) ms"
[ "$(cat "$OTHER/base")" = old ] || fail "not what was committed"
echo winner >"$OTHER/base"
make_tree "$OTHER/winner" 3
save_tree "$OTHER" "$WORK/winner"
dray wait "$OTHER"
check_log
kill -CONT "$first"
refused dray wait "$MNT"
says "took over"
is_out "$MNT"
check_tree "$MNT/late" "$WORK/late"
[ "$(cat "$MNT/base")" = later ] || fail "its own state is not shown any more"
check_log
# It is kept over an unmount, and a mount does not drop it.
dray umount "$MNT" >/dev/null
for option in -f --takeover; do
	refused gateway "$MNT" "$CACHE" $option
	says "dray export"
	says "$CACHE"
done
dray export "$CACHE" "$WORK/export" --dirty >/dev/null
check_tree "$WORK/export/late" "$WORK/late"
[ "$(cat "$WORK/export/base")" = later ] || fail "export: base is $(cat "$WORK/export/base")"
# The refused mount did not disturb the winner.
echo still here >"$OTHER/more"
dray wait "$OTHER"
save_tree "$OTHER" "$WORK/winner"

# A killed gateway: the other machine waits for the lease, or is told not to.
kill -9 "$(pid_of "$WORK/cache-other")"
umount -l "$OTHER"
rm -rf "$CACHE"
start=$(now_ms)
gateway "$MNT" "$CACHE"
echo "takeover from a killed gateway, lease $lease s: $(($(now_ms) - start)) ms"
check_tree "$MNT" "$WORK/winner"
kill -9 "$(pid_of "$CACHE")"
umount -l "$MNT"
rm -rf "$WORK/cache-other"
start=$(now_ms)
gateway "$OTHER" "$WORK/cache-other" --takeover
echo "takeover from a killed gateway with --takeover: $(($(now_ms) - start)) ms"
check_tree "$OTHER" "$WORK/winner"
dray umount "$OTHER" >/dev/null

# Set back while nothing was pending: it follows what was committed since.
rm -rf "$CACHE"
gateway "$MNT" "$CACHE"
dray umount "$MNT" >/dev/null
cp -a "$CACHE" "$WORK/clean"
gateway "$MNT" "$CACHE"
make_tree "$MNT/since" 4
rm -r "$MNT/winner"
dray wait "$MNT"
# ... and copied while it ran, with something pending.
echo pending >"$MNT/pending"
first=$(pid_of "$CACHE")
ends_with_test "$first"
kill -STOP "$first"
cp -a "$CACHE" "$WORK/snapshot"
kill -CONT "$first"
echo committed >"$MNT/pending"
dray wait "$MNT"
save_tree "$MNT" "$WORK/saved"
check_log
mkdir "$WORK/third"
refused gateway "$WORK/third" "$WORK/snapshot"
says "dray export"
dray export "$WORK/snapshot" "$WORK/export-2" --dirty >/dev/null
[ "$(cat "$WORK/export-2/pending")" = pending ] || fail "export of the snapshot"
echo on >"$MNT/goes" || fail "a refused copy disturbed the gateway"
dray wait "$MNT"
save_tree "$MNT" "$WORK/saved"
gateway "$WORK/third" "$WORK/clean"
check_tree "$WORK/third" "$WORK/saved"
is_out "$MNT"
dray umount "$MNT" >/dev/null
dray umount "$WORK/third" >/dev/null

# Whoever comes next finds all of it.
check_log
rm -rf "$CACHE"
gateway "$MNT" "$CACHE"
check_tree "$MNT" "$WORK/saved"
dray umount "$MNT" >/dev/null
check_log
echo "the log: $(cat "$WORK/log-is"), each as it was first seen"
