#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two followers of a volume on a real S3 server: creation, overwrite, rename and
# removal become visible, also to programs that looked before; nothing can be
# written; one GET an interval and nothing else reaches the server; content that
# was read stays readable within the follower's own bounded cache.
#
#   rgw_follow.sh [ROUNDS]    so many rounds of random changes (2)
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
rounds=${1:-2}
URL=$DRAY_TEST_S3_URL
dray() { timeout 120 "$DRAY" "$@"; }
new_volume
MOUNT_OPTIONS=upload-delay=50ms
mount_volume
interval_ms=200

# follow NUMBER: mounts follower NUMBER on $WORK/follower-NUMBER.
follow() {
	local dir=$WORK/follower-$1
	mkdir -p "$dir"
	dray mount "$URL" "$dir" --cache "$WORK/cache-$1" --cache-size 64M \
		-o "ro,follow,follow-interval=${interval_ms}ms,log=$LOG.$1"
}
status_of() {
	dray status "$WORK/follower-$1" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$2'])"
}
seq_of() { dray status "$1" --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["committed_seq"])'; }
# The followers show all that was written by now.
settle() {
	local wanted number
	dray wait "$MNT"
	wanted=$(seq_of "$MNT")
	for number in 1 2; do
		for _ in $(seq 300); do
			[ "$(status_of $number committed_seq)" -lt "$wanted" ] || continue 2
			sleep 0.1
		done
		fail "follower $number stands at $(status_of $number committed_seq), not at $wanted"
	done
	# What the kernel knew may be told a moment later.
	sleep 0.3
}
shows() {
	local number
	for number in 1 2; do
		[ "$(cat "$WORK/follower-$number/$1")" = "$2" ] ||
			fail "follower $number: $1 is $(cat "$WORK/follower-$number/$1"), not $2"
	done
}
lacks() {
	if [ -e "$WORK/follower-1/$1" ] || [ -e "$WORK/follower-2/$1" ]; then
		fail "$1 is there"
	fi
}

echo one >"$MNT/file"
mkdir "$MNT/dir"
follow 1
follow 2
settle
shows file one
lacks new
ls -la "$WORK"/follower-[12] "$WORK"/follower-[12]/dir >/dev/null

# What they looked at before changes, or was not there.
echo created >"$MNT/new"
echo inside >"$MNT/dir/inside"
settle
shows new created
shows dir/inside inside
[ "$(ls "$WORK/follower-1/dir")" = inside ] || fail "the listing is old"
exec 5<"$WORK/follower-1/file" 6<"$WORK/follower-2/new"
echo another one >"$MNT/file"
settle
shows file "another one"
[ "$(cat <&5)" = "another one" ] || fail "who had the file open reads the old content"
echo same size, >"$MNT/file" # 11 bytes and a newline, again
settle
shows file "same size,"
mv "$MNT/new" "$MNT/dir/moved"
settle
lacks new
shows dir/moved created
[ "$(cat <&6)" = created ] || fail "a file that was renamed while it was open"
echo replaced >"$MNT/tmp"
mv "$MNT/tmp" "$MNT/dir/moved"
settle
shows dir/moved replaced
lacks tmp
chmod 600 "$MNT/file"
settle
[ "$(stat -c %a "$WORK/follower-2/file")" = 600 ] || fail "the mode is old"
mv "$MNT/dir" "$MNT/directory"
settle
lacks dir
shows directory/moved replaced
rm -r "$MNT/directory" "$MNT/file"
settle
lacks directory
lacks file
python3 - <<'PYTHON' || fail "a removed file that is open is not ESTALE"
import errno, os
try:
    os.pread(5, 100, 0)
    os.fstat(5)
except OSError as error:
    assert error.errno == errno.ESTALE, error
else:
    raise SystemExit("no error")
PYTHON
exec 5<&- 6<&-

# Nothing can be changed, not even by who mounts it anew for writing.
python3 - "$WORK/follower-1" <<'PYTHON' || fail "not EROFS"
import errno, os, sys
top = sys.argv[1]
calls = [lambda: open(top + "/x", "w"), lambda: os.mkdir(top + "/x"), lambda: os.chmod(top, 0o700),
         lambda: os.symlink("a", top + "/x"), lambda: os.utime(top),
         lambda: os.setxattr(top, "user.x", b"")]
for call in calls:
    try:
        call()
    except OSError as error:
        assert error.errno == errno.EROFS, error
    else:
        sys.exit("no error")
PYTHON
dray wait "$WORK/follower-1"
dray umount --flush "$WORK/follower-1" >/dev/null
follow 1

# Random changes, more than the follower's cache holds; each round all is equal.
for ((round = 1; round <= rounds; round++)); do
	mkdir "$MNT/round-$round"
	make_tree "$MNT/round-$round/tree" "$round"
	head -c 30000000 /dev/urandom >"$MNT/large-$round"
	[ $round = 1 ] || mv "$MNT/round-$((round - 1))/tree" "$MNT/moved-$round"
	[ $round -lt 3 ] || rm -rf "$MNT/moved-$((round - 1))"
	settle
	save_tree "$MNT" "$WORK/saved"
	check_tree "$WORK/follower-1" "$WORK/saved"
	check_tree "$WORK/follower-2" "$WORK/saved"
done
for number in 1 2; do
	[ "$(status_of $number role)" = follower ] || fail "the role of follower $number"
	[ "$(status_of $number cache_used_bytes)" -le $((80 << 20)) ] ||
		fail "follower $number holds $(status_of $number cache_used_bytes) bytes"
	for counter in puts_total removes_total heads_total; do
		[ "$(status_of $number $counter)" = 0 ] || fail "follower $number: $counter"
	done
done

# The writer has ended: all that the server gets are the GETs of two followers.
umount_volume
server() { "$E2E/../lib/rgw.sh" counters "$DRAY_TEST_RGW_DIR" | sed -n "s/^$1=//p"; }
gets_of() { status_of "$1" gets_total; }
now_ms() { echo $(($(date +%s%N) / 1000000)); }
puts=$(server puts)
lists=$(($(status_of 1 lists_total) + $(status_of 2 lists_total)))
requests=$(server requests)
start=$(now_ms)
first=$(gets_of 1) second=$(gets_of 2)
sleep 6
first=$(($(gets_of 1) - first)) second=$(($(gets_of 2) - second))
intervals=$((($(now_ms) - start) / interval_ms))
requests=$(($(server requests) - requests))
echo "in $intervals intervals: $first and $second GETs; $requests requests at the server, a moment longer"
for gets in $first $second; do
	[ "$gets" -le $((intervals + 2)) ] || fail "$gets GETs in $intervals intervals"
	[ "$gets" -ge $((intervals / 8)) ] || fail "$gets GETs in $intervals intervals"
done
[ "$(server puts)" = "$puts" ] || fail "something was put"
[ "$(($(status_of 1 lists_total) + $(status_of 2 lists_total)))" = $lists ] || fail "they list"
check_tree "$WORK/follower-1" "$WORK/saved"
