#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what drayfs is built with and runs on, from Debian's packages.
#
#	packaging/deps.sh		to build and run
#	packaging/deps.sh test		also what the test suite needs
set -eu

build="gcc libc6-dev cmake ninja-build pkg-config libfuse3-dev fuse3 libcurl4-openssl-dev
	liblmdb-dev libssl-dev libzstd-dev libexpat1-dev libjansson-dev ca-certificates"
demo="rsync jq"
test="check clang clang-format libclang-rt-14-dev shellcheck python3 attr acl curl git sqlite3
	procps util-linux iproute2 mount e2fsprogs xfsprogs radosgw ceph-mon ceph-osd ceph-mgr ceph-common
	nfs-ganesha nfs-ganesha-vfs rpcbind libnfs-utils
	samba samba-vfs-modules smbclient samba-testsuite openssh-server openssh-client
	postgresql logrotate vim make zip unzip dbench stress-ng"

packages="$build $demo"
[ "${1:-}" = test ] && packages="$packages $test"

missing=
for package in $packages; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -q -y --no-install-recommends $missing
