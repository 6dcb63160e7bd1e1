#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rsync, tar and zip on a mount, with all that a file system keeps: what is
# copied is the same, a second rsync transfers nothing, archives of copies say
# what that of the original says; also after a restore.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires rsync tar zip unzip setfacl
new_volume
mount_volume

archive() {
	tar --create --directory "$1" --sort=name --numeric-owner --acls --xattrs --xattrs-include='*' \
		--format=posix .
}

# members FILE: what an archive says of its files, but for what no copy keeps.
members() {
	python3 - "$1" <<-'PYTHON'
		import hashlib, sys, tarfile
		archive = tarfile.open(sys.argv[1], "r:", errors="surrogateescape")
		for member in archive:
		    kept = {key: value for key, value in member.pax_headers.items()
		            if key not in ("atime", "ctime")}
		    data = archive.extractfile(member).read() if member.isreg() else b""
		    print(ascii((member.name, member.mode, member.uid, member.gid, member.type,
		                 member.linkname, member.devmajor, member.devminor,
		                 sorted(kept.items()), hashlib.sha256(data).hexdigest())))
	PYTHON
}

# same_archive DIR: an archive of it says what that of the source says.
same_archive() {
	archive "$1" >"$WORK/other.tar"
	cmp <(members "$WORK/source.tar") <(members "$WORK/other.tar") || fail "$2"
}

# synchronize: $WORK/source to $MNT/copy, all that it has, times to the nanosecond;
# prints what it does.
synchronize() {
	rsync -aHAXS --delete --modify-window=-1 --itemize-changes "$@" "$WORK/source/" "$MNT/copy/"
}

same_copy() {
	[ -z "$(synchronize --dry-run --checksum)" ] || fail "$1: $(synchronize -n -c | head -n 5)"
}

make_tree "$WORK/source"
setfacl -R -m u:1234:rX,d:g:4321:rwx "$WORK"/source/dir1*
chmod 2770 "$WORK/source/dir0"

[ -n "$(synchronize)" ] || fail "rsync has copied nothing"
[ -z "$(synchronize)" ] || fail "the second rsync has transferred: $(synchronize | head)"
same_copy "after rsync"
rm -rf "$WORK"/source/dir2*
make_tree "$WORK/source/more" 2
ln "$WORK/source/more/setuid" "$WORK/source/linked"
mv "$WORK/source/setuid" "$WORK/source/moved"
synchronize >/dev/null
[ -z "$(synchronize)" ] || fail "rsync has transferred something twice: $(synchronize | head)"
same_copy "after rsync of changes"

archive "$WORK/source" >"$WORK/source.tar"
same_archive "$MNT/copy" "another archive of the copy"
mkdir "$MNT/extracted"
tar --extract --warning=no-timestamp --directory "$MNT/extracted" --same-owner \
	--same-permissions --acls --xattrs --xattrs-include='*' <"$WORK/source.tar"
same_archive "$MNT/extracted" "another archive of what was extracted"
tar --compare --directory "$MNT/extracted" --file "$WORK/source.tar" || fail "tar --compare"

(cd "$MNT/copy" && zip -q -r -y "$MNT/archive.zip" dir*)
unzip -q -t "$MNT/archive.zip" >/dev/null || fail "unzip -t"
mkdir "$MNT/unzipped"
unzip -q -d "$MNT/unzipped" "$MNT/archive.zip"
(cd "$WORK/source" && find dir* -type f -exec cmp {} "$MNT/unzipped/{}" \;) \
	>"$WORK/differences" 2>&1
[ ! -s "$WORK/differences" ] || fail "$(head -n 5 "$WORK/differences")"

timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
[ -z "$(synchronize)" ] || fail "rsync has transferred something after a restore"
same_copy "after a restore"
same_archive "$MNT/extracted" "another archive after a restore"
unzip -q -t "$MNT/archive.zip" >/dev/null || fail "unzip -t after a restore"
umount_volume
