#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line: help, exit statuses, listings that programs can read, a
# live gateway and a dead cache, the xattrs.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
dray() { timeout 60 "$DRAY" "$@"; }

# status N COMMAND...: the command ends with status N; its output is in $WORK/out.
status() {
	local wanted=$1 found=0
	shift
	"$@" >"$WORK/out" 2>"$WORK/err" || found=$?
	[ $found = "$wanted" ] ||
		fail "status $found instead of $wanted: $*: $(cat "$WORK/out" "$WORK/err")"
}

commands="init mount umount status wait ls evict warm"
for command in $commands; do
	status 0 dray "$command" --help
	grep -q "^Usage: dray $command" "$WORK/out" || fail "no usage in dray $command --help"
	[ ! -s "$WORK/err" ] || fail "dray $command --help writes to stderr"
	dray --help | grep -q "^  $command " || fail "dray --help does not name $command"
	status 2 dray "$command" --no-such-option
	[ "$(wc -l <"$WORK/err")" = 1 ] || fail "dray $command --no-such-option: $(cat "$WORK/err")"
done
status 0 dray --version
grep -q '^dray [0-9]' "$WORK/out" || fail "no version"
status 2 dray
status 2 dray frobnicate
for wrong in "init" "mount" "mount one" "mount one two three" "umount" "wait" "evict" "warm" \
	"init a b" "status a b" "ls --json --csv" "wait --timeout x /" "init --zstd-level x a"; do
	# shellcheck disable=SC2086
	status 2 dray $wrong
	[ "$(wc -l <"$WORK/err")" = 1 ] || fail "dray $wrong: $(cat "$WORK/err")"
done
for verb in umount status wait ls evict warm; do
	status 1 dray $verb "$WORK"
	grep -q "$WORK" "$WORK/err" || fail "dray $verb does not name the path"
	status 1 dray $verb "$WORK/missing"
done

# Names that make trouble in listings.
new_volume
MOUNT_OPTIONS=upload-delay=1h
mount_volume
mkdir "$MNT/dir"
for name in plain 'with space' $'new\nline' 'com,ma' 'quo"te' $'\xff\xfe' 'ümlaut'; do
	echo "$name" >"$MNT/dir/$name"
done
cat >"$WORK/listing.py" <<'PYTHON'
"""listing.py json|csv WANTED STATES: stdin lists so many files, in these states."""
import csv
import json
import sys

if sys.argv[1] == "json":
    rows = [json.loads(line) for line in sys.stdin]
else:
    rows = list(csv.DictReader(sys.stdin))
files = [row for row in rows if row["type"] == "file"]
assert len(files) == int(sys.argv[2]), f"{len(files)} files: {files}"
states = {row["state"] for row in files}
assert states <= set(sys.argv[3].split(",")), states
for row in files:
    assert 0 <= int(row["dirty_bytes"]) <= int(row["size"]), row
    assert 0 <= int(row["cached_bytes"]) <= int(row["size"]), row
    dirty = int(row["dirty_bytes"]) > 0
    assert not (dirty and row["state"] == "cloud"), row
    assert str(row["path"]).startswith(("/", "{", "hex:")), row
    if dirty and row["age_seconds"] not in (None, ""):
        assert float(row["age_seconds"]) >= 0
PYTHON
listed() {
	local form=$1
	dray ls "${@:4}" "--$form" | python3 "$WORK/listing.py" "$@" || fail "dray ls --$*"
}
for form in json csv; do
	listed $form 7 local,uploading "$MNT"
	listed $form 7 local,uploading "$MNT/dir"
	listed $form 7 local,uploading --dirty "$MNT/dir"
	listed $form 1 local,uploading "$MNT/dir/com,ma"
	(cd "$MNT/dir" && listed $form 7 local,uploading)
done
dray wait "$MNT"
for form in json csv; do
	listed $form 7 cloud "$MNT"
	listed $form 0 cloud --dirty "$MNT"
	listed $form 0 cloud --pending "$MNT"
	listed $form 0 cloud --failing "$MNT"
done
dray evict "$MNT" >/dev/null
listed json 0 cloud --cached "$MNT"
dray warm "$MNT/dir/plain" >/dev/null
dray ls --cached "$MNT/dir/plain" --csv | grep -q plain || fail "warm brought nothing"

# The xattrs: answered, not listed.
python3 - "$MNT/dir/plain" <<'PYTHON'
import os
import sys

path = sys.argv[1]
assert os.getxattr(path, "user.dray.state") == b"cloud"
assert os.getxattr(path, "user.dray.dirty_bytes") == b"0"
assert int(os.getxattr(path, "user.dray.commit")) > 0
assert os.listxattr(path) == []
PYTHON

# status of the live gateway.
python3 - "$("$DRAY" status "$MNT" --json)" "$URL" "$MNT" "$CACHE" <<'PYTHON'
import json
import sys

status = json.loads(sys.argv[1])
wanted = """volume url mountpoint state dirty_bytes dirty_files pending_files
    oldest_dirty_age_seconds cache_used_bytes cache_limit_bytes committed_seq committed_time
    uploads_in_flight upload_bytes_per_second eta_seconds failing last_error puts_total gets_total
    bytes_uploaded_total bytes_downloaded_total logical_bytes_committed_total"""
missing = [name for name in wanted.split() if name not in status]
assert not missing, missing
assert status["url"] == sys.argv[2] and status["mountpoint"] == sys.argv[3]
assert status["cache"] == sys.argv[4]
assert status["dirty_bytes"] == 0 and status["failing"] is False
assert status["puts_total"] > 0 and status["committed_seq"] > 0
PYTHON
dray status "$MNT" >/dev/null

# A dead cache: the same answers without a gateway.
echo more >"$MNT/dir/more"
kill_gateway
umount "$MNT"
status 1 dray wait "$MNT"
dray status "$CACHE" | grep -q "no gateway runs" || fail "status of a dead cache"
dray status "$CACHE" --json | python3 -c '
import json, sys
status = json.load(sys.stdin)
assert status["mountpoint"] is None and status["dirty_files"] == 1, status'
listed json 8 local,cloud "$CACHE"
listed csv 1 local --dirty "$CACHE"
for verb in wait evict warm umount; do
	status 1 dray $verb "$CACHE"
	grep -q "no gateway runs" "$WORK/err" || fail "dray $verb CACHE: $(cat "$WORK/err")"
done

mount_volume
[ "$(cat "$MNT/dir/more")" = more ] || fail "the file is not what was written"
dray umount "$MNT" >"$WORK/out"
grep -q "not in the cloud yet" "$WORK/out" || fail "the rest is not told"
mount_volume
dray umount "$MNT" --flush >"$WORK/out"
[ ! -s "$WORK/out" ] || fail "umount --flush: $(cat "$WORK/out")"
