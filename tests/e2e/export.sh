#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tests of docs/exporting.md begin with
#
#	source "$(dirname "$0")/export.sh"
#	requires smbd smbclient
#
# instead of lib.sh. They run in namespaces of their own (network, processes,
# mounts), where /etc is a copy and what servers keep elsewhere is empty: ports
# are free, users can be made, and the files of the document are used as they
# are. $MNT is /srv/warehouse, as there, and new_volume has made and mounted it.

if [ -z "${EXPORT_NAMESPACES:-}" ]; then
	unshare --net --mount --pid --fork true 2>/dev/null ||
		{ echo "skipped: needs namespaces"; exit 77; }
	EXPORT_NAMESPACES=yes exec unshare --net --mount --pid --fork --kill-child --mount-proc \
		bash "$0" "$@"
fi

# shellcheck source=tests/e2e/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
requires ip
DOCUMENT=$E2E/../../docs/exporting.md
MNT=/srv/warehouse
MOUNTS+=(/srv)

# own DIRECTORY [OF]: $WORK has another one in its place, empty or a copy of OF.
own() {
	[ -d "$1" ] || return 0
	mkdir -p "$WORK/own$1"
	[ $# = 1 ] || cp -a "$2/." "$WORK/own$1"
	chmod --reference="$1" "$WORK/own$1"
	mount --bind "$WORK/own$1" "$1"
}

ip link set lo up
own /etc /etc
for directory in /srv /home /run /var/log /var/lib/nfs /var/lib/samba /var/cache/samba; do
	own $directory
done

# recipe FILE...: writes the file that the document shows behind its name.
recipe() {
	local file
	for file; do
		mkdir -p "$(dirname "$file")"
		awk -v name="\`$file\`:" '
			substr($0, length($0) - length(name) + 1) == name { inside = 1; next }
			inside && /^    /	{ print substr($0, 5); shown = 1; next }
			inside && /^$/		{ if (shown) print; next }
			inside			{ exit }' "$DOCUMENT" >"$file"
		[ -s "$file" ] || fail "$DOCUMENT does not show $file"
	done
}

# With the options of the document's fstab(5).
mount_volume() {
	[ -e "$WORK/fstab" ] || recipe /etc/fstab
	"$DRAY" mount "$URL" "$MNT" --cache "$CACHE" \
		-o "$(awk -v top="$MNT" '$2 == top { print $4 }' /etc/fstab),log=$LOG${1:+,$1}"
}

# serve PORT COMMAND...: runs a server until the end of the test, or until
# stop_server. Returns when it listens.
serve() {
	local port=$1 waited
	shift
	# smbd ends its process group with it: one of its own.
	setsid "$@" >"$WORK/server.log" 2>&1 &
	SERVER=$!
	ends_with_test $SERVER
	for waited in {1..600}; do
		[ -n "$(ss -Hltn "sport = :$port")" ] && return
		[ -e /proc/$SERVER ] || break
		sleep 0.1
	done
	cat "$WORK/server.log"
	fail "$1 does not listen on port $port after $((waited / 10)) s"
}

stop_server() {
	kill "$SERVER"
	await_end "$SERVER"
}

# What happens while the volume is not mounted; a test may have its own.
unmounted() {
	true
}

# The gateway ends and comes back with what is in the store alone.
restore_from_store() {
	"$DRAY" wait "$MNT"
	kill_gateway
	umount -l "$MNT"
	rm -rf "$CACHE"
	unmounted
	mount_volume takeover
}

# The gateway is killed and comes back.
crash_gateway() {
	kill_gateway
	umount -l "$MNT"
	unmounted
	mount_volume
}

# The gateway ends in order and comes back.
restart_gateway() {
	umount_volume
	unmounted
	mount_volume
}

new_volume
mount_volume
