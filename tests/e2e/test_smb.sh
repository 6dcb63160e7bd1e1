#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SMB: Samba serves the mount as docs/exporting.md says. Windows' access lists,
# DOS attributes, times and streams are the same after a crash of the gateway
# and after a restore from the store alone.
# shellcheck source=tests/e2e/export.sh
source "$(dirname "$0")/export.sh"
requires smbd smbpasswd smbclient smbcacls useradd
SHARE=//127.0.0.1/warehouse

# Runs smbclient's commands, as Maria or who $AS is.
smb() {
	smbclient -U "${AS:-maria}%secret" "$SHARE" -c "$1" 2>&1
}

does() {
	local said
	if ! said=$(smb "$1") || [[ $said == *NT_STATUS_* ]]; then
		fail "$1: $said"
	fi
}

# refuses ERROR COMMANDS
refuses() {
	local said
	said=$(smb "$2") || true
	[[ $said == *"$1"* ]] || fail "$2: $said"
}

# acl FILE [ARGUMENTS...]: shows or changes its access list.
acl() {
	smbcacls -U maria%secret "$SHARE" "$@"
}

# What Windows sees of the files.
look() {
	local file
	for file in plain hidden 'dir/inherited' 'dir' 'shared' 'streamed'; do
		echo "== $file"
		smb "allinfo \"$file\""
		acl "$file"
	done
	smb 'ls *; ls dir\*' | grep -v 'blocks available'
	smb "get streamed:comment $WORK/stream" >/dev/null
	cat "$WORK/stream"
}

recipe /etc/samba/smb.conf
mkdir -p /run/samba /var/log/samba /var/lib/samba/private
for user in maria jonas; do
	useradd $user
	printf 'secret\nsecret\n' | smbpasswd -s -a $user >/dev/null 2>&1
done
chmod 755 /srv
chmod 777 "$MNT"
start_samba() {
	serve 445 smbd --foreground --no-process-group --debug-stdout
}
start_samba

# Contents, and names that Windows does not tell apart.
head -c 20M /dev/urandom >"$WORK/large"
does "put $WORK/large Large; get LARGE $WORK/back"
cmp "$WORK/large" "$WORK/back"
cmp "$WORK/large" "$MNT/Large"
[ "$(stat -c %U "$MNT/Large")" = maria ] || fail "the file is not Maria's"
does 'rename Large moved; mkdir dir; rename moved dir\moved; del dir\moved'
[ -z "$(ls "$MNT/dir")" ] || fail "del left the file"
echo local >"$MNT/Grüße"
does "get Grüße $WORK/back"
echo "longer than before" >"$MNT/Grüße"
does "get grÜße $WORK/back"
grep -q longer "$WORK/back" || fail "the client got what was there before"

# Attributes, lists, inheritance, streams.
echo text >"$WORK/text"
does "put $WORK/text plain; put $WORK/text hidden; put $WORK/text shared; put $WORK/text streamed"
does 'setmode hidden +rhs; utimes plain 2001:02:03-04:05:06 -1 2002:03:04-05:06:07 -1'
does "put $WORK/text streamed:comment"
acl shared --add ACL:jonas:ALLOWED/0/READ
acl plain --delete ACL:Everyone:ALLOWED/0/READ
acl dir --add 'ACL:jonas:ALLOWED/OI|CI/CHANGE'
does "put $WORK/text dir\\inherited"
check_access() {
	[ "$(stat -c %a "$MNT/plain")" != 777 ] || fail "all may do anything with it"
	AS=jonas does "get shared $WORK/back; get dir\\inherited $WORK/back; put $WORK/text dir\\his"
	AS=jonas refuses NT_STATUS_ACCESS_DENIED "get plain $WORK/back"
	AS=jonas refuses NT_STATUS_ACCESS_DENIED "put $WORK/text shared"
	does 'del dir\his'
}
check_access
look >"$WORK/before"
grep -q 'create_time: *Sat Feb  3' "$WORK/before" || fail "the time of creation was not set"
grep -q '^attributes: RHSA' "$WORK/before" || fail "the attributes were not set"
grep -q '^stream: .:comment:' "$WORK/before" || fail "the stream is not shown"
acl dir/inherited | grep -q 'jonas:ALLOWED/0x0/CHANGE' || fail "nothing was inherited"

for end in crash_gateway restore_from_store; do
	look >"$WORK/before"
	stop_server
	$end
	start_samba
	look >"$WORK/after"
	diff "$WORK/before" "$WORK/after" || fail "$end changed what Windows sees"
	check_access
done
stop_server
umount_volume
