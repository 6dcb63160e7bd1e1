#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A parallel build of a source tree on a mount: what it makes has the bytes of the
# same build on the local disk, and make finds nothing to do afterwards, also when
# the bucket alone has brought the tree back.
#
#	test_apps_build.sh [TARGET]		of this project (default: dray_backend)
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires cmake make
target=${1:-dray_backend}
project=$(realpath "$E2E/../..")
new_volume
mount_volume
export CCACHE_DISABLE=1

# build DIR: the project is copied into it and made.
build() {
	mkdir "$1/source"
	tar -c -C "$project" --exclude=./build --exclude=./.git . | tar -x -C "$1/source"
	# The objects are those of any other directory.
	cmake -S "$1/source" -B "$1/made" -G "Unix Makefiles" -DDRAY_TESTS=OFF -DCMAKE_BUILD_TYPE=None \
		-DCMAKE_C_FLAGS="-g -ffile-prefix-map=$1=." >"$WORK/cmake.out" || fail "cmake in $1"
	make -C "$1/made" -j 4 "$target" >"$WORK/make.out" 2>&1 || fail "$(tail -n 20 "$WORK/make.out")"
}

# products DIR: what the linker and the compiler have made, with sums.
products() {
	(cd "$1/made" && find . -name CMakeFiles -prune -o -type f \( -name '*.a' -o -name dray \) -print |
		sort | xargs sha256sum && find . -name '*.c.o' | sort | xargs sha256sum)
}

nothing_to_do() {
	make -C "$MNT/made" "$target" >"$WORK/again.out" || fail "$1: $(tail -n 20 "$WORK/again.out")"
	! grep -q "Building" "$WORK/again.out" || fail "$1: $(grep -m 3 Building "$WORK/again.out")"
}

mkdir "$WORK/local"
build "$WORK/local"
build "$MNT"
products "$WORK/local" >"$WORK/wanted"
[ -s "$WORK/wanted" ] || fail "the build has made nothing"
products "$MNT" | cmp - "$WORK/wanted" || fail "the build has made something else"
nothing_to_do "after the build"

timeout 300 "$DRAY" wait "$MNT"
umount_volume
rm -rf "$CACHE"
mount_volume
nothing_to_do "after a restore"
products "$MNT" | cmp - "$WORK/wanted" || fail "the products are others after a restore"
make -C "$MNT/made" clean
umount_volume
echo "$(wc -l <"$WORK/wanted") products compared"
