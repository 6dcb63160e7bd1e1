#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What directories ask for by attributes: durability=cloud, where fsync and close
# return when the data is in the cloud, and what they say when it does not get
# there; rpo, whose breaches are counted; and a wait for some files only.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
URL=$DRAY_TEST_S3_URL
status() { "$DRAY" status "$MNT" --json | python3 -c "import json,sys; s = json.load(sys.stdin); print($1)"; }
calls() { python3 "$E2E/durability.py" "$@"; }

mkdir "$MNT"
"$DRAY" init "$URL" >/dev/null
# Nothing is committed but for who waits.
MOUNT_OPTIONS=upload-delay=1h
mount_volume
mkdir -p "$MNT/safe/below" "$MNT/quick/below" "$MNT/other"
calls attributes "$MNT"

# The policy of a directory holds below it, and nowhere else.
calls local "$MNT/other/file"
calls cloud "$MNT/safe/file"
calls cloud "$MNT/safe/below/file"
mv "$MNT/other" "$MNT/safe/"
calls cloud "$MNT/safe/other/second"
mv "$MNT/safe/other" "$MNT/"
calls local "$MNT/other/third"

# The store is away: a time-out, not a lie, and nothing is lost.
umount_volume
MOUNT_OPTIONS=upload-delay=1h,durability-timeout=3s
mount_volume
server down=1
calls timeout "$MNT/safe/late"
[ "$(cat "$MNT/safe/late")" = kept ] || fail "what a timed-out fsync was for is gone"
server down=0
calls again "$MNT/safe/late"

# Breaches of a directory's rpo: one file was late, others were not.
[ "$(status 's["rpo_breaches_total"]')" = 0 ] || fail "somebody was late already"
server down=1
echo data >"$MNT/quick/below/file"
echo data >"$MNT/other/file"
if "$DRAY" wait "$MNT/quick" --timeout 2 2>/dev/null; then fail "there was no store to wait for"; fi
server down=0
"$DRAY" wait "$MNT/quick" --timeout 60
[ "$(status 's["rpo_breaches_total"]')" = 1 ] || fail "breaches: $(status 's["rpo_breaches_total"]')"
"$DRAY" status "$MNT" >"$WORK/status"
grep -q "^late .* 1 did since the mount" "$WORK/status"
umount_volume

# A wait for some files leaves others behind on their way.
server bw_up=2000000
mount_volume
head -c 40000000 /dev/urandom >"$MNT/other/large"
echo small >"$MNT/quick/small"
"$DRAY" wait "$MNT/quick/below" "$MNT/quick/small" --timeout 60
calls state "$MNT/quick/small" cloud
calls state "$MNT/other/large" local uploading
refused "$DRAY" wait "$MNT/no such file"
umount_volume
server reset

# A process that is killed does not wait for ever.
MOUNT_OPTIONS=upload-delay=1h,durability=cloud,durability-timeout=0
mount_volume
server down=1
calls killed "$MNT/other/killed"
server reset
calls again "$MNT/other/killed"
umount_volume
