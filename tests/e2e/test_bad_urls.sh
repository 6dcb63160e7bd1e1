#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# URLs that are none, volumes that exist or do not, caches of others: each is
# refused with one line that names it, and nothing is changed.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/damage.sh
source "$E2E/damage.sh"
requires_mount
new_volume

untouched dray init ""
says "the volume URL is empty"
for url in nonsense ftp://host/path file: file://relative/path file:///no/../way s3: s3:// \
	s3:///prefix s3://bucket/../x http://bucket/x; do
	untouched dray init "$url"
	says "dray: $url: "
	untouched dray mount "$url" "$MNT" --cache "$CACHE"
	says "dray: $url: "
done

# A volume that is there, or is not.
untouched dray init "$URL"
says "$URL holds a volume already"
untouched dray init "$URL" --name other --pack-size 1M
says "$URL holds a volume already"
untouched dray init "file://$WORK/no/such/place"
says "$WORK/no"
[ ! -e "$WORK/no" ] || fail "directories were made"
echo text >"$WORK/file"
untouched dray init "file://$WORK/file"
says "$WORK/file"
untouched dray mount "file://$WORK/file" "$MNT" --cache "$CACHE"
says "$WORK/file"
untouched dray mount "file://$WORK/missing" "$MNT" --cache "$CACHE"
says "$WORK/missing"
[ ! -e "$WORK/missing" ] || fail "the store was made"
mkdir "$WORK/empty"
untouched dray mount "file://$WORK/empty" "$MNT" --cache "$CACHE"
says "holds no volume"
says "dray init"
[ -z "$(ls -A "$WORK/empty")" ] || fail "something was put into the empty store"
[ ! -e "$CACHE" ] || fail "a cache was made for nothing"

# Nobody answers at the endpoint: known soon, and said in one line.
export AWS_ACCESS_KEY_ID=key AWS_SECRET_ACCESS_KEY=secret AWS_ENDPOINT_URL=http://127.0.0.1:1
untouched dray mount s3://bucket/volume "$MNT" --cache "$CACHE"
says "127.0.0.1:1/bucket/volume"
says "check the endpoint"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_ENDPOINT_URL

# Parameters beyond their limits.
for option in "--zstd-level 77" "--pack-size 1" "--pack-size 9T"; do
	# shellcheck disable=SC2086
	untouched dray init "file://$WORK/empty2" $option
	[ ! -e "$WORK/empty2" ] || fail "a store was made"
done

# The cache of another volume, and directories that are no cache.
mkdir "$WORK/store2"
dray init "file://$WORK/store2" >/dev/null
mount_here
echo data >"$MNT/file"
dray umount "$MNT" >/dev/null
untouched dray mount "file://$WORK/store2" "$MNT" --cache "$CACHE"
says "$CACHE is the cache of volume"
says "$WORK/store2"
says "choose another --cache"
mkdir "$WORK/home"
echo mine >"$WORK/home/letter"
CACHE=$WORK/home untouched dray mount "$URL" "$MNT" --cache "$WORK/home"
says "\"letter\""
[ "$(ls -A "$WORK/home")" = letter ] || fail "something was put beside the letter"

# And the volume is as it was.
mount_here
[ "$(cat "$MNT/file")" = data ] || fail "the file is not what it was"
dray umount "$MNT" >/dev/null
