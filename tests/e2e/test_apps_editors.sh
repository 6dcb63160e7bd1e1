#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vim, in each of its ways to save, with its swap file; the ways in which office
# programs and others save, replayed; the gateway killed under all of these.
#
#	test_apps_editors.sh [KILLS]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires vim getfacl
kills=${1:-4}
new_volume
mount_volume

# vim_does FILE SETTING COMMAND...
vim_does() {
	local arguments=()
	for command in "set $2" "${@:3}"; do
		arguments+=(-c "$command")
	done
	vim -N -u NONE -i NONE -es "${arguments[@]}" -c 'wq!' "$1" </dev/null ||
		fail "vim, set $2, ${*:3}"
}

# What saving must keep of a file: all but its contents and times.
kept() {
	stat -c '%a %u %g %h' "$1"
	getfacl -n -p -c "$1"
	getfattr -n user.note --only-values "$1"
}

mkdir "$MNT/vim"
cd "$MNT/vim"
number=0
for setting in backupcopy=yes backupcopy=no backupcopy=auto 'backup backupcopy=no' \
	'nowritebackup nobackup' 'backupcopy=auto fsync swapsync=fsync'; do
	number=$((number + 1))
	file=file$number
	seq 3 >$file
	chown 1234:4321 $file
	chmod 664 $file
	setfacl -m u:777:rw $file
	setfattr -n user.note -v kept $file
	kept $file >"$WORK/before"
	vim_does $file "$setting directory=." '%s/2/two/' 'call append("$", range(1000))'
	[ "$(head -n 3 $file | tr '\n' ' ')" = "1 two 3 " ] || fail "set $setting: $(head -n 3 $file)"
	[ "$(wc -l <$file)" = 1003 ] || fail "set $setting: $(wc -l <$file) lines"
	kept $file | cmp - "$WORK/before" || fail "set $setting: $(kept $file)"
done
[ "$(find . -name '*.sw?' -o -name '4913' | wc -l)" = 0 ] || fail "vim has left $(ls -A)"

# A link stays a link, whether symbolic or not.
ln file1 hard
ln -s file1 soft
vim_does soft backupcopy=auto '1s/$/ by the link/'
[ -L soft ] || fail "vim has replaced the symbolic link"
[ file1 -ef hard ] || fail "vim has broken the hard link"
[ "$(head -n 1 hard)" = "1 by the link" ] || fail "vim: $(head -n 1 hard)"

# Killed with unsaved changes, vim recovers them from its swap file, which is on
# the volume, after a crash of the gateway as well.
mkfifo "$WORK/hold"
vim -N -u NONE -i NONE -es -c 'set directory=. updatecount=1' -c '1s/^/unsaved /' -c preserve \
	-c "call readfile('$WORK/hold')" file2 </dev/null &
editor=$!
until [ -s .file2.swp ]; do sleep 0.05; done
exec 3>"$WORK/hold"
kill -9 $editor
wait $editor 2>/dev/null || true
exec 3>&-
cd /
kill_gateway
umount -l "$MNT"
mount_volume
cd "$MNT/vim"
vim -N -u NONE -i NONE -es -r -c 'w! recovered' -c 'q!' file2 </dev/null || true
[ "$(head -n 1 recovered)" = "unsaved 1" ] || fail "vim -r: $(head -n 1 recovered)"
cd /

mkdir "$MNT/check" "$MNT/load"
python3 "$E2E/save_patterns.py" check "$MNT/check"
for kill in $(seq "$kills"); do
	python3 "$E2E/save_patterns.py" load "$MNT/load" "$WORK/notes" &
	load=$!
	sleep "$((RANDOM % 2)).$((RANDOM % 10))5"
	kill_gateway
	wait $load || fail "the load before kill $kill"
	umount -l "$MNT"
	mount_volume
	[ ! -e "$WORK/notes" ] || python3 "$E2E/save_patterns.py" survived "$MNT/load" "$WORK/notes" ||
		fail "after kill $kill"
done
umount_volume
