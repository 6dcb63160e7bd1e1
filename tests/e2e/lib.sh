#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Functions for end-to-end tests on real mounts. A test begins with
#
#	source "$(dirname "$0")/lib.sh"
#	requires_mount
#	new_volume
#	mount_volume
#
# and then works in $MNT. It gets a work directory of its own, $WORK, which is
# removed when it ends, together with whatever is mounted in it. The command
# under test is $DRAY. Exit status 77: skipped.
set -euo pipefail

: "${DRAY:?the path of dray; ctest sets it}"
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/dray-e2e.XXXXXX")
STORE=$WORK/store
URL=file://$STORE
MNT=$WORK/mnt
CACHE=$WORK/cache
LOG=$WORK/gateway.log
MOUNTS=("$WORK") # cleanup unmounts what is below
# LeakSanitizer cannot look at a process that has detached from its parent.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0

# mounts_below DIRECTORY...
mounts_below() {
	local top
	for top; do
		awk -v top="$top/" 'index($5, top) == 1 { print $5 }' /proc/self/mountinfo | tac
	done
}

cleanup() {
	local status=$?
	set +e
	trap - EXIT ERR
	cd /
	# shellcheck disable=SC2046
	[ -e "$WORK/pids" ] && kill $(cat "$WORK/pids") 2>/dev/null
	mounts_below "${MOUNTS[@]}" | while read -r mount; do umount -l "$mount"; done
	# A gateway without a mount ends by itself, and lets go of its cache.
	for lock in "$WORK"/*/lock; do
		[ -e "$lock" ] && flock -w 30 "$lock" true
	done
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		echo "--- the gateway's log:"
		tail -n 40 "$LOG" 2>/dev/null
	fi
	rm -rf "$WORK"
	exit $status
}
trap cleanup EXIT
trap 'echo "$0: line $LINENO failed: $BASH_COMMAND" >&2' ERR

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 77
}

requires_mount() {
	[ -w /dev/fuse ] || skip "no access to /dev/fuse"
	[ "$(id -u)" = 0 ] || skip "needs root"
	requires python3 flock
}

requires() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "needs $program"
	done
}

# Makes $STORE, a volume in it, and $MNT.
new_volume() {
	mkdir -p "$STORE" "$MNT"
	"$DRAY" init "$URL" >/dev/null
}

# Mounts $URL on $MNT with $CACHE. More options go into $MOUNT_OPTIONS.
MOUNT_OPTIONS=
mount_volume() {
	"$DRAY" mount "$URL" "$MNT" --cache "$CACHE" \
		-o "allow_other,suid,dev,log=$LOG${MOUNT_OPTIONS:+,$MOUNT_OPTIONS}"
}

umount_volume() {
	"$DRAY" umount "$MNT" >/dev/null
}

# The process that serves $CACHE.
gateway_pid() {
	python3 "$E2E/control.py" "$CACHE" ping | python3 -c 'import json,sys; print(json.load(sys.stdin)["pid"])'
}

# ends_with_test PID: the process is ended with the test if it runs still.
ends_with_test() {
	echo "$1" >>"$WORK/pids"
}

# await_end PID: returns when all threads of the process have ended, whether or
# not its parent has taken notice.
await_end() {
	while grep -qs '^State:[[:space:]][^ZX]' "/proc/$1/task/"*/status; do
		sleep 0.02
	done
}

# Ends the gateway as a crash would.
kill_gateway() {
	local pid
	pid=$(gateway_pid)
	kill -9 "$pid"
	await_end "$pid"
}

# server SETTING=VALUE[&...]: changes the proxy before the S3 server, in tests
# that have one (rgw_faults_*, rgw_link_*; see tests/lib/fault_proxy.py).
server() {
	requires curl
	curl -sf "$DRAY_TEST_FAULT_CONTROL/?$1" >/dev/null
}

# refused COMMAND...: the command fails with status 1 and one line, which is
# left in $REFUSAL.
refused() {
	local status=0
	REFUSAL=$("$@" 2>&1 >/dev/null) || status=$?
	[ $status = 1 ] || fail "status $status instead of 1: $*: $REFUSAL"
	[ "$(wc -l <<<"$REFUSAL")" = 1 ] || fail "more than one line: $REFUSAL"
}

# says TEXT: $REFUSAL contains it.
says() {
	[[ $REFUSAL == *"$1"* ]] || fail "\"$REFUSAL\" does not say \"$1\""
}

# make_tree DIR [SEED]: files of all kinds below DIR.
make_tree() {
	python3 "$E2E/tree.py" make "$@"
}

# save_tree DIR FILE: writes down all that a file system keeps of a tree.
save_tree() {
	python3 "$E2E/tree.py" save "$1" "$2"
}

# check_tree DIR FILE: the tree is what was saved.
check_tree() {
	python3 "$E2E/tree.py" check "$1" "$2" || fail "$1 is not what it was"
}
