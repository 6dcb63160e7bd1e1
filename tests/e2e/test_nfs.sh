#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# NFS: Ganesha serves the mount as docs/exporting.md says; libnfs' tools and a
# client that keeps its handles while gateway and server go and come.
# shellcheck source=tests/e2e/export.sh
source "$(dirname "$0")/export.sh"
requires ganesha.nfsd rpcbind nfs-ls nfs-cat nfs-cp
TOP=nfs://127.0.0.1/warehouse
STALE="status 70"
MARIA="uid=1000&gid=1000"

start_ganesha() {
	rm -f "$WORK/ganesha.log"
	serve 2049 ganesha.nfsd -F -N NIV_EVENT -f /etc/ganesha/ganesha.conf -L "$WORK/ganesha.log"
}

# Some operations are put off until clients of before had time to come back.
await_end_of_grace() {
	local waited
	for waited in {1..600}; do
		grep -q 'NOT IN GRACE' "$WORK/ganesha.log" && return
		sleep 0.1
	done
	fail "the grace time has not ended after $((waited / 10)) s"
}

# tell COMMAND: what the client that keeps its files open answers.
tell() {
	local answer
	echo "$*" >&"${CLIENT[1]}"
	read -r -t 60 answer <&"${CLIENT[0]}" || fail "no answer to: $*"
	echo "$answer"
}

# answers TEXT COMMAND
answers() {
	local wanted=$1 found
	shift
	found=$(tell "$@")
	[ "$found" = "$wanted" ] || fail "$*: $found instead of $wanted"
}

# Something else gets the device number that the mount had, as soon as it is free.
others=0
unmounted() {
	local other=
	until [ -n "$other" ] && [ "$(stat -c %d "$other")" = "$device" ]; do
		sleep 0.05
		other=$WORK/other$((++others))
		mkdir "$other"
		mount -t tmpfs none "$other"
	done
}

# meanwhile COMMAND: the volume is mounted anew while the server is down.
meanwhile() {
	device=$(stat -c %d "$MNT")
	stop_server
	"$@"
	[ "$(stat -c %d "$MNT")" != "$device" ] || fail "the device has the number that it had"
	start_ganesha
}

recipe /etc/ganesha/ganesha.conf
mkdir -p /run/rpcbind /run/ganesha
serve 111 rpcbind -f
start_ganesha
await_end_of_grace

# Files go in and out, large and small, and belong to who sent them.
mkdir -p "$MNT/in/deep/er" "$MNT/many"
chown -R 1000:1000 "$MNT/in"
head -c 20M /dev/urandom >"$WORK/large"
nfs-cp "$WORK/large" "$TOP/in/large?$MARIA" >/dev/null
cmp "$WORK/large" "$MNT/in/large"
[ "$(stat -c %u:%g "$MNT/in/large")" = 1000:1000 ] || fail "the file is not Maria's"
nfs-cp "$TOP/in/large?$MARIA" "$WORK/back" >/dev/null
cmp "$WORK/large" "$WORK/back"
nfs-cp "$WORK/large" "$TOP/stolen" >/dev/null 2>&1 && fail "root was not squashed"

# Directories of more names than an answer holds; what is changed on the mount
# shows at once, also to NFSv4.
touch "$MNT"/many/{1..3000}
listed() {
	nfs-ls "$1" | awk '{ print $NF }' | sort
}
for version in 3 4; do
	listed "$TOP/many?version=$version" >"$WORK/listed"
	find "$MNT/many" -mindepth 1 -printf '%f\n' | sort | cmp - "$WORK/listed" ||
		fail "NFSv$version lists other names"
	echo "before $version" >"$MNT/in/text"
	[ "$(nfs-cat "$TOP/in/text?version=$version")" = "before $version" ]
	echo "and after $version" >>"$MNT/in/text"
	nfs-cat "$TOP/in/text?version=$version" | grep -q "and after $version" ||
		fail "NFSv$version shows what was there before"
	rm "$MNT/many/$version" "$MNT/in/text"
	! listed "$TOP/many?version=$version" | grep -qx $version ||
		fail "NFSv$version lists what is gone"
done

# A client keeps its handles over all that happens to gateway and server.
for file in in/plain in/deep/er/down in/removed; do
	echo "this is $file" >"$MNT/$file"
	chown 1000 "$MNT/$file"
done
coproc CLIENT {
	python3 "$E2E/nfs_client.py" 127.0.0.1 /warehouse 1000 \
		in/plain in/deep/er/down in/removed
}
read -r -t 60 answer <&"${CLIENT[0]}" || fail "the client cannot open its files"
check_client() {
	answers "$1" read 0
	answers "this is in/deep/er/down" read 1
	answers "$2" read 2
}
check_client "this is in/plain" "this is in/removed"
meanwhile restart_gateway
check_client "this is in/plain" "this is in/removed"
answers written write 0 "written after a restart"
grep -q "written after a restart" "$MNT/in/plain"
mv "$MNT/in/deep/er/down" "$MNT/in/moved"
rm "$MNT/in/removed"
meanwhile crash_gateway
check_client "written after a restart" "$STALE"
meanwhile restore_from_store
check_client "written after a restart" "$STALE"
touch "$MNT"/many/new{1..1000}
check_client "written after a restart" "$STALE"
answers written write 1 "written after a restore"
grep -q "written after a restore" "$MNT/in/moved"
stop_server
umount_volume
