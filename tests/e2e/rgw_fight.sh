#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two gateways fight over one volume on a real S3 server: each takes it from the
# other with --takeover, again and again, while both are written to. In the log
# each number has one commit, which nobody overwrites; all that dray wait
# confirmed is there at the end, as it was confirmed last.
#
#   rgw_fight.sh [TAKEOVERS]    (6)
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
takeovers=${1:-6}
URL=$DRAY_TEST_S3_URL
export DRAY
dray() { timeout 180 "$DRAY" "$@"; }
new_volume
kept=0
times=()

# take OWNER: mounts with the cache it has; one that parted ways is exported and
# given up, as its owner would.
take() {
	local dir=$WORK/mount-$1 cache=$WORK/cache-$1 start
	mkdir -p "$dir"
	start=$(date +%s%N)
	if ! dray mount "$URL" "$dir" --cache "$cache" --takeover \
		-o "upload-delay=200ms,lease-ttl=2s,log=$LOG" 2>"$WORK/refusal"; then
		grep -q "dray export" "$WORK/refusal" || fail "$1: $(cat "$WORK/refusal")"
		dray export "$cache" "$WORK/kept-$1-$fight" --dirty >/dev/null
		kept=$((kept + 1))
		rm -rf "$cache"
		start=$(date +%s%N)
		dray mount "$URL" "$dir" --cache "$cache" --takeover \
			-o "upload-delay=200ms,lease-ttl=2s,log=$LOG"
	fi
	times+=($((($(date +%s%N) - start) / 1000000)))
}

# Whoever lost finds out by itself; its files stay readable until it is unmounted.
leave() {
	wait "${load[$1]}" || true
	ls "$WORK/mount-$1" >/dev/null || fail "the loser cannot be read"
	dray umount "$WORK/mount-$1" >/dev/null
}

declare -A load
owner=a
for ((fight = 1; fight <= takeovers + 1; fight++)); do
	take "$owner"
	# The loser writes until it learns of it.
	other=$([ "$owner" = a ] && echo b || echo a)
	python3 "$E2E/fighter.py" run "$WORK/mount-$owner" "$owner$fight" "$WORK/ledger-$fight" &
	load[$owner]=$!
	[ $fight = 1 ] || leave "$other"
	for _ in $(seq 600); do
		! grep -q ! "$WORK/ledger-$fight" 2>/dev/null || break
		sleep 0.05
	done
	python3 "$E2E/bucket_log.py" "$URL" "$WORK/seen" >"$WORK/log-is" ||
		fail "the log of the bucket after takeover $((fight - 1))"
	owner=$other
done
owner=$([ "$owner" = a ] && echo b || echo a)
kill "${load[$owner]}" 2>/dev/null || true
wait "${load[$owner]}" 2>/dev/null || true
dray wait "$WORK/mount-$owner"
dray umount "$WORK/mount-$owner" >/dev/null

# Judged on a machine that took no part.
dray mount "$URL" "$MNT" --cache "$CACHE" -o "log=$LOG"
python3 "$E2E/fighter.py" judge "$MNT" "$WORK"/ledger-* || fail "something that was confirmed is lost"
dray umount "$MNT" >/dev/null
python3 "$E2E/bucket_log.py" "$URL" "$WORK/seen" >"$WORK/log-is"
echo "$takeovers takeovers; the log: $(cat "$WORK/log-is"); $kept caches had changes of their own, exported"
echo "takeovers took, ms: ${times[*]:1}"
