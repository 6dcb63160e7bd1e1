#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Power cuts by the thousand: builds what it needs, and runs power.py with it.
#
#	tests/power/run.sh --states 1000 [--seed S]
#
# POWER_KEEP=DIR keeps the states in which something was lost.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmake --preset release >/dev/null
cmake --build --preset release --target dray power_disk skip_sync >/dev/null
export DRAY=$PWD/build/release/dray
export POWER_DISK=$PWD/build/release/tests/power/power_disk
export POWER_SKIP_SYNC=$PWD/build/release/tests/power/libskip_sync.so
exec python3 tests/power/power.py "$@"
