# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of bad input; sourced after lib.sh. A test makes a volume once,
# keeps copies of store and cache, and damages fresh copies case by case.

dray() { timeout 60 "$DRAY" "$@"; }

# contents DIR: each file with type, mode and checksum. A lock is no content.
contents() {
	(cd "$1" && find . ! -name lock ! -name lock.mdb ! -name control.sock \
		-printf '%p %y %m\n' && find . -type f ! -name lock ! -name lock.mdb \
		-exec sha256sum {} +) | sort
}

# untouched COMMAND...: the command is refused, and changes nothing in $STORE
# and $CACHE.
untouched() {
	{ contents "$STORE"; contents "$CACHE"; } >"$WORK/before" 2>/dev/null || true
	refused "$@"
	{ contents "$STORE"; contents "$CACHE"; } >"$WORK/after" 2>/dev/null || true
	diff "$WORK/before" "$WORK/after" || fail "files changed: $*: $REFUSAL"
	[ -z "$(mounts_below "$WORK")" ] || fail "something is mounted: $*"
}

# unharmed COMMAND...: the command is refused; files may have come, none has
# gone or changed. Small JSON documents (volume.json, a lease) are renewed.
unharmed() {
	{ contents "$STORE"; contents "$CACHE" || true; } 2>/dev/null |
		sed "/volume.json/d; /lease\//d" >"$WORK/before"
	refused "$@"
	{ contents "$STORE"; contents "$CACHE" || true; } >"$WORK/after" 2>/dev/null
	! grep -vxF -f "$WORK/after" "$WORK/before" || fail "files changed: $*: $REFUSAL"
	[ -z "$(mounts_below "$WORK")" ] || fail "something is mounted: $*"
}

damage() { python3 "$E2E/damage.py" "$@"; }

# keep: $STORE and $CACHE as they are now; afresh: as they were then.
keep() {
	rm -rf "$WORK/kept"
	mkdir "$WORK/kept"
	cp -a "$STORE" "$WORK/kept/store"
	[ ! -e "$CACHE" ] || cp -a "$CACHE" "$WORK/kept/cache"
}

afresh() {
	rm -rf "$STORE" "$CACHE"
	cp -a "$WORK/kept/store" "$STORE"
	[ ! -e "$WORK/kept/cache" ] || cp -a "$WORK/kept/cache" "$CACHE"
	: >"$LOG"
}

mount_here() { dray mount "$URL" "$MNT" --cache "$CACHE" -o "log=$LOG"; }

# logged TEXT: the gateway's log says so.
logged() {
	grep -qF -- "$1" "$LOG" || fail "the log does not say \"$1\""
}

# check_reads CASE: each file of $WORK/sums (sha256sum's lines) has its bytes or
# gives EIO; so many of them $read, so many $failed.
check_reads() {
	(cd "$MNT" && python3 - "$WORK/sums") >"$WORK/reads" <<-'PYTHON' || fail "$1"
		import errno, hashlib, sys
		read = failed = 0
		for line in open(sys.argv[1]):
		    wanted, path = line.rstrip("\n").split("  ", 1)
		    try:
		        with open(path, "rb") as file:
		            found = hashlib.sha256(file.read()).hexdigest()
		    except OSError as error:
		        if error.errno != errno.EIO:
		            sys.exit(f"{path}: {error}")
		        failed += 1
		        continue
		    if found != wanted:
		        sys.exit(f"{path} has wrong bytes")
		    read += 1
		print(read, failed)
	PYTHON
	# shellcheck disable=SC2034 # for the test
	read -r read failed <"$WORK/reads"
}
