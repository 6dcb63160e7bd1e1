#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers (clang) and runs each for some seconds:
#	tests/fuzz/run.sh [SECONDS [TARGET ...]]
# What they find beyond the corpus stays in build/fuzz/corpus; a crash is left
# in build/fuzz/crash-*.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -gt 0 ] && shift

cmake --preset fuzz >/dev/null
if [ $# -eq 0 ]; then
	for source in tests/fuzz/fuzz_*.c; do
		name=${source##*/fuzz_}
		set -- "$@" "${name%.c}"
	done
fi
cmake --build --preset fuzz --target "${@/#/fuzz_}"
for target; do
	found=build/fuzz/corpus/$target
	mkdir -p "$found"
	echo "== $target: $seconds s"
	build/fuzz/tests/fuzz/fuzz_"$target" -max_total_time="$seconds" -max_len=65536 \
		-rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
		-artifact_prefix=build/fuzz/ "$found" tests/fuzz/corpus/"$target" 2>&1 |
		grep -E 'ERROR|SUMMARY|Assertion|crash-|number_of_executed|DONE'
done
