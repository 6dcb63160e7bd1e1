#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# File handles (name_to_handle_at(2)), which NFS servers hand out: they find
# their file when the kernel has forgotten it, after the gateway was started
# anew or killed, and after a restore from the bucket alone; that of a removed
# file is ESTALE for ever.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
: "${FILE_HANDLE:?the path of file_handle; ctest sets it}"

# get NAME [connectable]: keeps the handle of $MNT/NAME.
declare -A handles
get() {
	handles[$1]=$("$FILE_HANDLE" "get${2:+-$2}" "$MNT/$1")
}

open_handle() {
	"$FILE_HANDLE" "$1" "$MNT" "$2"
}

# reads NAME TEXT: its handle leads to a file that holds so.
reads() {
	local found
	found=$(open_handle read "${handles[$1]}") || fail "the handle of $1 leads nowhere"
	[ "$found" = "$2" ] || fail "the handle of $1 leads to $found"
}

# is_at NAME PATH: its handle leads to $MNT/PATH.
is_at() {
	local found
	found=$(open_handle where "${handles[$1]}") || fail "the handle of $1 leads nowhere"
	[ "$found" = "$MNT/$2" ] || fail "the handle of $1 leads to $found"
}

# is_stale WHAT HANDLE
is_stale() {
	local said
	said=$(open_handle where "$2" 2>&1) && fail "the handle of $1 leads to $said"
	[ "$said" = ESTALE ] || fail "the handle of $1: $said"
}

# The kernel's handle is the number in two words, then the generation.
generation() {
	local bytes=${1#*:}
	echo "${bytes:16:8}"
}

# The same number, made in another life of the gateway.
other_generation() {
	local bytes=${1#*:}
	echo "${1%%:*}:${bytes:0:16}fe${bytes:18}"
}

forget() {
	sync
	echo 2 >/proc/sys/vm/drop_caches
}

check_all() {
	reads deep/a/b/file "found"
	reads second "found"
	reads written "more"
	is_at deep/a/b "deep/$place/b"
	is_at deep "deep"
	[ -z "$connects" ] || is_at connected/file "connected/file"
	open_handle where "${handles[symlink]}" >/dev/null
	open_handle where "${handles[fifo]}" >/dev/null
	is_stale "a removed file" "${handles[gone]}"
	is_stale "a removed directory" "${handles[gone-directory]}"
	is_stale "another generation" "$(other_generation "${handles[written]}")"
	is_stale "another directory's generation" "$(other_generation "${handles[deep]}")"
	is_stale "a number never given" "${handles[written]%%:*}:00000000ffffffff01000000"
}

new_volume
mount_volume
mkdir -p "$MNT/deep/a/b" "$MNT/connected" "$MNT/gone-directory"
echo found >"$MNT/deep/a/b/file"
ln "$MNT/deep/a/b/file" "$MNT/second"
ln -s second "$MNT/symlink"
mkfifo "$MNT/fifo"
touch "$MNT/gone" "$MNT/connected/file" "$MNT/written"
for name in deep deep/a/b deep/a/b/file second symlink fifo gone gone-directory written; do
	get $name
done
connects=yes
get connected/file connectable 2>/dev/null || connects=
[ "${handles[second]}" = "${handles[deep/a/b/file]}" ] || fail "two handles of one file"
place=a

# A removed file is there while it is open, as on other file systems.
exec 3<"$MNT/gone"
rm "$MNT/gone"
open_handle read "${handles[gone]}" >/dev/null
exec 3<&-
rmdir "$MNT/gone-directory"
echo more >"$MNT/written"
check_all
forget
check_all

# In other places, and after the gateway went and came.
mkdir "$MNT/deep/other"
mv "$MNT/deep/a/b" "$MNT/deep/other/b"
mv "$MNT/written" "$MNT/deep/other"
place=other
check_all
umount_volume
mount_volume
check_all
kill_gateway
umount -l "$MNT"
mount_volume
check_all

# New files do not get the numbers of old ones.
"$DRAY" wait "$MNT"
MOUNT_OPTIONS=upload-delay=1h
umount_volume
mount_volume
mkdir "$MNT/new"
touch "$MNT"/new/{1..500}
get new/1
[ "$(generation "${handles[new/1]}")" != "$(generation "${handles[written]}")" ] ||
	fail "two lives of the gateway make files of one generation"
check_all

# Neither do those made after a restore: the bucket does not know what was
# made last on the machine that is lost.
echo lost >"$MNT/lost"
get lost
number=$(stat -c %i "$MNT/lost")
reads lost lost
get new/500
kill_gateway
umount -l "$MNT"
rm -rf "$CACHE"
MOUNT_OPTIONS=takeover
mount_volume
check_all
[ ! -e "$MNT/lost" ] || fail "the bucket knew what was not uploaded"
mkdir "$MNT/newer"
touch "$MNT"/newer/{1..1000}
[ -z "$(find "$MNT" -inum "$number")" ] || fail "the number of a lost file was given again"
check_all
is_stale "a file that was lost with its machine" "${handles[lost]}"
is_stale "a file that was lost with its machine" "${handles[new/500]}"
forget
check_all
is_stale "a file that was lost with its machine" "${handles[new/500]}"
umount_volume
