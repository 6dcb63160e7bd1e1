#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds a preset and runs its unit, commit, store and model tests:
#
#	run_preset.sh asan
#
# (clang: the build with warnings as errors is the test.)
set -euo pipefail
preset=$1

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" -- -k 0
[ "$preset" = clang ] && exit 0
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1
suites='unit|commit|store'
[ "$preset" = asan ] && suites="$suites|fuzz|model" # these have one thread
exec ctest --test-dir "build/$preset" --output-on-failure -j2 -R "^($suites)/" -E '^store/s3|ns_large|power_cut'
