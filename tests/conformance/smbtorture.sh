#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs suites of Samba's smbtorture (Debian's samba-testsuite) on a new volume
# and on a directory of the machine's own file system beside it, both shared as
# docs/exporting.md says but with oplocks and leases: smbtorture.sh [SUITE...]
#
# What passes there must pass here; a test that does not is tried twice more by
# itself, since many are about time. Without arguments: what is about the file
# system and takes a minute. ALL=yes: also what waits for time to pass. Left out:
# what is about the network, and what Samba passes on neither.
# shellcheck source=tests/e2e/export.sh
source "$(dirname "$0")/../e2e/export.sh"
requires smbtorture smbd smbpasswd useradd

SUITES=(create mkdir rename lock rw read getinfo timestamps acls sdread winattr openattr fileid
	streams delete-on-close-perms deny charset mangle)
SLOW=(dir compound compound_find sharemode oplock lease notify durable-open durable-v2-open
	hold-oplock hold-sharemode acls_non_canonical samba3misc ioctl)

# torture SHARE TEST: the results, "success: NAME" a line.
torture() {
	timeout 600 smbtorture -U maria%secret "//127.0.0.1/$1" "smb2.$2" >"$WORK/torture.out" 2>&1 ||
		true
	grep -oE '^(success|failure|error|skip): [^ ]+' "$WORK/torture.out" || true
}

count() {
	grep -cE "^$1" "$2" || true
}

# run SUITE: a line of its results; what fails here alone goes to $failed.
run() {
	local name
	torture local "$1" >"$WORK/local.results"
	torture warehouse "$1" >"$WORK/here.results"
	while read -r name; do
		grep -qx "success: $name" "$WORK/here.results" && continue
		if [ "$name" = "$1" ]; then again=$1; else again=$1.$name; fi
		if torture warehouse "$again" | grep -q ^success ||
			torture warehouse "$again" | grep -q ^success; then
			sed -i -E "s/^(failure|error): $name\$/success: $name/" "$WORK/here.results"
			continue
		fi
		failed+=" $again"
		tail -n 20 "$WORK/torture.out"
	done < <(sed -n 's/^success: //p' "$WORK/local.results")
	printf '%-24s run %3d  passed %3d  on the local file system %3d\n' "$1" \
		"$(count '(success|failure|error)' "$WORK/here.results")" \
		"$(count success "$WORK/here.results")" "$(count success "$WORK/local.results")"
}

recipe /etc/samba/smb.conf
sed -i '/oplocks = no/d; /leases = no/d' /etc/samba/smb.conf
sed -n '/^\[warehouse\]/,$p' /etc/samba/smb.conf |
	sed "s,^\[warehouse\],[local],; s,path = .*,path = $WORK/local," >"$WORK/share"
cat "$WORK/share" >>/etc/samba/smb.conf
mkdir -p "$WORK/local" /run/samba /var/log/samba /var/lib/samba/private
useradd maria
printf 'secret\nsecret\n' | smbpasswd -s -a maria >/dev/null 2>&1
chmod 755 "$WORK" /srv
chmod 777 "$MNT" "$WORK/local"
serve 445 smbd --foreground --no-process-group --debug-stdout

failed=
[ "${ALL:-}" = yes ] && SUITES+=("${SLOW[@]}")
[ $# = 0 ] || SUITES=("$@")
for suite in "${SUITES[@]}"; do
	run "$suite"
done
stop_server
umount_volume
[ -z "$failed" ] || fail "passes on the local file system and not here:$failed"
