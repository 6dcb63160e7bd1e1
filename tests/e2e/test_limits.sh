#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A store that is full and a cache that fills: writers are refused or wait, as
# on-full= says; rm and reads go on; all is well again when the store has room.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
dray() { timeout 120 "$DRAY" "$@"; }
status_of() { dray status "$MNT" --json | python3 -c "import json,sys; print(json.load(sys.stdin)['$1'])"; }
mkdir -p "$STORE"
mount -t tmpfs -o size=128M tmpfs "$STORE"
new_volume

# The store takes nothing more, and again.
store_full() { dd if=/dev/zero of="$STORE/ballast" bs=1M 2>/dev/null || true; }
store_free() { rm "$STORE/ballast"; }

# fill ERROR: writes files of 1 MiB, synced one by one, until one is refused.
fill() {
	python3 - "$MNT" "$1" <<'PYTHON'
import errno, os, sys
top, want = sys.argv[1], getattr(errno, sys.argv[2])
for number in range(64):
    try:
        fd = os.open(f"{top}/fill{number}", os.O_WRONLY | os.O_CREAT, 0o644)
    except OSError as error:
        assert error.errno == want, error
        break
    try:
        os.write(fd, os.urandom(1 << 20))
        os.fsync(fd)
    except OSError as error:
        assert error.errno == want, error
        break
    finally:
        os.close(fd)
else:
    sys.exit("nothing was refused")
print(number)
PYTHON
}

for case in enospc:ENOSPC readonly:EROFS; do
	MOUNT_OPTIONS=cache-size=64M,dirty-limit=8M,on-full=${case%:*}
	mount_volume
	store_full
	filled=$(fill "${case#*:}")
	[[ $filled -ge 5 && $filled -le 9 ]] || fail "refused after $filled of 8 MiB"
	[ "$(status_of dirty_bytes)" -le $((9 << 20)) ] || fail "more is dirty than allowed"
	cat "$MNT"/fill0 >/dev/null || fail "reading does not go on"
	rm "$MNT"/fill[1-4] || fail "rm does not go on"
	echo again >"$MNT/again" || fail "nothing is taken in although there is room"
	store_free
	dray wait "$MNT"
	echo more >"$MNT/more"
	rm "$MNT"/*
	dray wait "$MNT"
	umount_volume
done

# on-full=block: a writer waits, and is done when the store has room.
MOUNT_OPTIONS=cache-size=64M,dirty-limit=8M
mount_volume
store_full
dd if=/dev/urandom of="$MNT/large" bs=1M count=24 conv=fsync 2>/dev/null &
writer=$!
for _ in $(seq 600); do
	[ "$(status_of dirty_bytes)" -lt $((6 << 20)) ] || break
	sleep 0.1
done
[ "$(status_of dirty_bytes)" -ge $((6 << 20)) ] || fail "the writer did not come near the limit"
ls "$MNT" >/dev/null || fail "readdir waits with the writer"
touch "$MNT/touched" || fail "metadata waits with the writer"
rm "$MNT/touched" || fail "rm waits with the writer"
kill -0 $writer 2>/dev/null || fail "the writer did not wait"
[ "$(status_of dirty_bytes)" -le $((8 << 20)) ] || fail "more is dirty than allowed"
store_free
wait $writer || fail "the writer was refused"
dray wait "$MNT"
[ "$(stat -c %s "$MNT/large")" = $((24 << 20)) ] || fail "bytes are missing"
umount_volume

# Limits change while mounted, in both directions; what cannot is refused.
mount_volume
dray mount -o remount,cache-size=128M,dirty-limit=100M,on-full=enospc "$MNT"
[ "$(status_of cache_limit_bytes)" = $((128 << 20)) ] || fail "the cache did not grow"
dd if=/dev/urandom of="$MNT/grown" bs=1M count=90 conv=fsync 2>/dev/null
dray wait "$MNT"
dray mount -o remount,cache-size=64M "$URL" "$MNT"
for _ in $(seq 300); do
	[ "$(status_of cache_used_bytes)" -gt $((64 << 20)) ] || break
	sleep 0.1
done
[ "$(status_of cache_used_bytes)" -le $((64 << 20)) ] || fail "the cache did not shrink"
refused dray mount -o remount,threads=3 "$MNT"
says "threads cannot be changed"
refused dray mount -o remount,cache-size=1M "$MNT"
says "cache-size=1M: out of range"
refused dray mount -o remount,on-full=panic "$MNT"
says "on-full=panic: give one of block|enospc|readonly"
umount_volume

# A disk with less free than min-free= asks for leaves the cache nothing.
MOUNT_OPTIONS=cache-size=64M,min-free=$(($(df --output=avail -B1 "$WORK" | tail -1) + (1 << 40)))
mount_volume
[ "$(status_of cache_limit_bytes)" = 0 ] || fail "the cache takes what min-free= keeps free"
umount_volume
refused dray mount "$URL" "$MNT" --cache "$CACHE" -o on-full=panic
says "block|enospc|readonly"
umount "$STORE"
