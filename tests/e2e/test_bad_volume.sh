#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Objects of the store that are cut, flipped, missing, or of a newer drayfs.
# Refused by name, or EIO for the files that need them; never other bytes.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/damage.sh
source "$E2E/damage.sh"
requires_mount
new_volume

# Three commits: small files, a large one, a rename.
mount_here
mkdir "$MNT/small"
for number in $(seq 100); do echo "file $number" >"$MNT/small/$number"; done
dray wait "$MNT"
head -c 3000000 /dev/urandom >"$MNT/large"
dray wait "$MNT"
mv "$MNT/large" "$MNT/renamed"
dray wait "$MNT"
(cd "$MNT" && find . -type f -exec sha256sum {} +) >"$WORK/sums"
dray umount "$MNT" >/dev/null
rm -rf "$CACHE"
keep

# volume: the description.
volume=$STORE/volume
for change in "cut $volume 0" "cut $volume 40" "fill $volume 0 garbage" "flip $volume 0"; do
	afresh
	# shellcheck disable=SC2086
	damage $change
	untouched mount_here
	says "$URL/volume"
	untouched dray init "$URL"
done
afresh
sed -i 's/"format": *1/"format": 2/' "$volume"
untouched mount_here
says "$URL/volume"
says "newer"
untouched dray init "$URL"

# log/: each commit, with an empty cache. The first is broken in more ways.
commits=$(cd "$STORE" && find log -type f | sort)
[ "$(wc -l <<<"$commits")" -ge 4 ] || fail "too few commits: $commits"
changes="flip:0 flip:9 flip:60 flip:200 flip:-1 cut:0 cut:100 cut:-1 commit-version:2"
for commit in $commits; do
	size=$(stat -c %s "$STORE/$commit")
	for change in $changes flip:$((size / 2)) cut:$((size / 2)); do
		afresh
		damage "${change%:*}" "$STORE/$commit" "${change#*:}"
		unharmed mount_here
		says "$URL: $commit"
		[ "$change" != commit-version:2 ] || says "newer"
	done
	changes=
done
# One of another volume's place, and one that is missing in the middle.
first=$(sed -n 2p <<<"$commits")
second=$(sed -n 3p <<<"$commits")
afresh
cp "$STORE/$second" "$STORE/$first"
unharmed mount_here
says "$URL: $first"
afresh
rm "$STORE/$first"
unharmed mount_here
says "$first"

# pack/: what needs it cannot be read; the rest can. As many files as the pack
# holds whole must come back right or not at all.
pack=$(cd "$STORE" && find pack -type f -size +1000k | head -n 1)
[ -n "$pack" ] || fail "there is no pack"
size=$(stat -c %s "$STORE/$pack")
for change in flip:68 flip:200 flip:$((size / 2)) cut:$((size / 2)) cut:0 pack-version:2 gone; do
	afresh
	if [ "$change" = gone ]; then
		rm "$STORE/$pack"
	else
		damage "${change%:*}" "$STORE/$pack" "${change#*:}"
	fi
	mount_here
	check_reads "$change"
	[ "$failed" -gt 0 ] || fail "nothing failed: $change"
	[ "$read" -gt 0 ] || fail "nothing could be read: $change"
	logged "$pack"
	[ "$change" != pack-version:2 ] || logged newer
	# It goes on serving and storing.
	echo new >"$MNT/new"
	dray wait "$MNT" --timeout 30
	dray umount "$MNT" >/dev/null
done

afresh
mount_here
(cd "$MNT" && sha256sum --quiet -c "$WORK/sums")
dray umount "$MNT" >/dev/null
