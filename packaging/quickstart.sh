#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds drayfs and shows its main job on a file:// volume: copies a tree onto
# a mount, waits until it is in the store, throws the cache away, mounts again
# and compares.
#
#	packaging/quickstart.sh [TREE]		TREE: what to copy; default /usr/include
set -euo pipefail
cd "$(dirname "$0")/.."
tree=${1:-/usr/include}

packaging/deps.sh
cmake --preset release -DDRAY_TESTS=OFF >/dev/null
cmake --build --preset release
dray=$PWD/build/release/dray

work=$(mktemp -d "${TMPDIR:-/tmp}/dray-quickstart.XXXXXX")
mnt=$work/mnt
cleanup() {
	"$dray" umount "$mnt" >/dev/null 2>&1 || true
	rm -rf "$work"
}
trap cleanup EXIT
mkdir "$mnt" "$work/store"

say() { printf '\n== %s\n' "$*"; }
sum_bytes() { find "$1" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }'; }

say "create a volume in $work/store and mount it"
"$dray" init "file://$work/store" --name quickstart
"$dray" mount "file://$work/store" "$mnt" --cache "$work/cache1"

say "copy $tree and wait until it is in the store"
mkdir "$mnt/tree"
rsync -aHAX "$tree/" "$mnt/tree/"
"$dray" wait "$mnt"
status=$("$dray" status "$mnt" --json)
"$dray" umount "$mnt"

say "mount again with an empty cache and compare"
rm -rf "$work/cache1"
"$dray" mount "file://$work/store" "$mnt" --cache "$work/cache2"
differences=$(rsync -aHAXni --checksum --delete "$tree/" "$mnt/tree/")
files=$(find "$mnt/tree" -type f | wc -l)
bytes=$(sum_bytes "$mnt/tree")
"$dray" umount "$mnt"

objects=$(find "$work/store" -type f | wc -l)
stored=$(sum_bytes "$work/store")
puts=$(jq .puts_total <<<"$status")
ratio=$(awk "BEGIN { printf \"%.1f\", 100 * $stored / ($bytes ? $bytes : 1) }")

say "result"
printf '%-10s %s\n' files "$files" bytes "$bytes" objects "$objects" PUTs "$puts" \
	stored "$stored ($ratio % of the bytes)"
if [ -n "$differences" ]; then
	printf 'compared   DIFFERENT:\n%s\n' "$differences"
	exit 1
fi
echo 'compared   identical: names, contents, modes, owners, times, links, xattrs'
