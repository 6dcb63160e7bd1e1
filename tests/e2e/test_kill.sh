#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the gateway, again and again, while programs write: whatever
# close(2), fsync(2) or a namespace call returned for is there afterwards.
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
rounds=${ROUNDS:-8}
new_volume
mkdir "$WORK/promises"

for round in $(seq "$rounds"); do
	mount_volume
	python3 "$E2E/promises.py" check "$MNT" "$WORK/promises" || fail "round $round"
	python3 "$E2E/promises.py" write "$MNT" "$WORK/promises" "$round" &
	writer=$!
	# Once something is promised, at a moment that differs from round to round.
	until [ -s "$WORK/promises/$round.0" ]; do sleep 0.01; done
	sleep "0.$((RANDOM % 9 + 1))"
	kill_gateway
	wait "$writer" || fail "the writer of round $round"
done
mount_volume
python3 "$E2E/promises.py" check "$MNT" "$WORK/promises"
umount_volume
