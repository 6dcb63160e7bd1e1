#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds, and runs the whole suite. Arguments go
# to ctest:  tests/run.sh -R unit/
set -euo pipefail
cd "$(dirname "$0")/.."

packaging/deps.sh test
cmake --preset release -DDRAY_TESTS=ON -DDRAY_SANITIZED_SUITES=ON >/dev/null
cmake --build --preset release
exec ctest --test-dir build/release --output-on-failure "$@"
