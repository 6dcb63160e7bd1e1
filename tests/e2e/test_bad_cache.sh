#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A cache directory whose files are cut, flipped, missing, or of a newer
# drayfs, with data that only it holds: the mount is refused by name and leaves
# everything as it is, or files that need the bytes give EIO.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/damage.sh
source "$E2E/damage.sh"
requires_mount
new_volume

# One part is in the cloud and in the index; the other in the journal and the
# segments only, for the gateway is killed.
MOUNT_OPTIONS=upload-delay=1h
mount_volume
mkdir "$MNT/old" "$MNT/new"
for number in $(seq 60); do echo "old $number" >"$MNT/old/$number"; done
dray wait "$MNT"
dray umount "$MNT" >/dev/null
mount_volume
for number in $(seq 60); do echo "new $number" >"$MNT/new/$number"; done
head -c 3000000 /dev/urandom >"$MNT/new/large"
(cd "$MNT" && find . -type f -exec sha256sum {} +) >"$WORK/sums"
kill_gateway
umount "$MNT"
keep

# volume.json
identity=$CACHE/volume.json
for change in "cut $identity 0" "cut $identity 50" "fill $identity 0 garbage"; do
	afresh
	# shellcheck disable=SC2086
	damage $change
	untouched mount_volume
	says "$identity"
done
afresh
sed -i 's/"format": *[0-9]*/"format": 99/' "$identity"
untouched mount_volume
says "$identity"
says newer

# The journal: the newest file, within the records that count.
journal=$(cd "$WORK/kept/cache" && find journal -name '*.wal' -printf '%T@ %p\n' | sort -n |
	tail -n 1 | cut -d ' ' -f 2)
for change in flip:9 flip:30 flip:4100 flip:12000 fill:8192 journal-version:2; do
	afresh
	argument=${change#*:}
	if [ "${change%:*}" = fill ]; then
		damage fill "$CACHE/$journal" "$argument" "$(printf 'x%.0s' $(seq 4096))"
	else
		damage "${change%:*}" "$CACHE/$journal" "$argument"
	fi
	untouched mount_volume
	says "$CACHE/$journal"
	[ "$change" != journal-version:2 ] || says newer
	# Looking is refused as well.
	untouched dray ls "$CACHE"
	says "$CACHE/$journal"
done

# The index.
index=$CACHE/index/data.mdb
size=$(stat -c %s "$WORK/kept/cache/index/data.mdb")
for change in cut:4096 cut:8192 cut:$((size / 2)) cut:100; do
	afresh
	damage "${change%:*}" "$index" "${change#*:}"
	untouched mount_volume
	says "$index"
done
# A bit in pages here and there: refused, or all that is served is right.
for page in $(seq 2 $((size / 4096 / 4 + 1)) $((size / 4096 - 1))); do
	afresh
	damage flip "$index" $((page * 4096 + 3000))
	if REFUSAL=$(mount_volume 2>&1); then
		check_reads "index page $page"
		[ "$failed" = 0 ] || logged "$index"
		dray umount "$MNT" >/dev/null
	else
		says "$index"
	fi
done

# Segments: what they hold cannot be read, and is not sent as something else.
segment=$(cd "$WORK/kept/cache" && find segments -type f -size +2000k | head -n 1)
[ -n "$segment" ] || fail "no segment holds the large file"
size=$(stat -c %s "$WORK/kept/cache/$segment")
for change in flip:1000000 flip:2000000 cut:$((size / 2)) cut:0 gone; do
	afresh
	if [ "$change" = gone ]; then
		rm "$CACHE/$segment"
	else
		damage "${change%:*}" "$CACHE/$segment" "${change#*:}"
	fi
	if ! REFUSAL=$(mount_volume 2>&1); then
		says "$CACHE/$segment"
		continue
	fi
	check_reads "$segment $change"
	[ "$failed" -gt 0 ] || fail "nothing failed: $segment $change"
	logged "$segment"
	case $change in flip:*)
		dray status --json "$MNT" | grep -q '"path": *"/new/large"' ||
			fail "status --json names no damage: $change"
		dray status "$MNT" | grep -q '^DAMAGED .*/new/large' || fail "status: $change"
		;;
	esac
	[ -e "$CACHE/$segment" ] || [ "$change" = gone ] || fail "$segment was deleted"
	dray umount "$MNT" >/dev/null
done

afresh
mount_volume
check_reads undamaged
[ "$failed" = 0 ] || fail "the undamaged cache gives errors"
dray umount "$MNT" >/dev/null
