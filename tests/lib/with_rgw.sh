#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command against a real S3 server:
#
#   with_rgw.sh [--faults | --link UP,DOWN] COMMAND [ARGUMENT]...
#
# The server is the one that rgw.sh started in $DRAY_TEST_RGW_DIR (ctest's
# fixture does), else one is started for this command alone. The command gets
# a bucket of its own and, besides what DIR/env holds (see rgw.sh), the
# variables that drayfs reads: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and so on,
# and none of the caller's; its volume URL is DRAY_TEST_S3_URL=s3://BUCKET/test.
# With --faults AWS_ENDPOINT_URL is that of a fault proxy before the server
# (fault_proxy.py), whose control address is in DRAY_TEST_FAULT_CONTROL. With
# --link the command runs behind a network link of so many bytes a second each
# way (link.sh), which leads to such a proxy: DRAY_TEST_LINK is the link's name.
set -euo pipefail

here=$(dirname "$(realpath "$0")")
tools=${DRAY_TEST_TOOLS:-$PWD/tests/lib}
own=
faults=
link=
behind=()
if [[ ${1:-} = --faults ]]; then
	faults=1
	shift
elif [[ ${1:-} = --link ]]; then
	faults=1
	link=$2
	shift 2
fi

cleanup() {
	local status=$?
	[[ -z ${bucket_made:-} ]] || AWS_ENDPOINT_URL=$DRAY_TEST_S3_ENDPOINT \
		"$tools/s3_bucket" empty "$DRAY_TEST_S3_BUCKET" || true
	[[ -z ${DRAY_TEST_LINK:-} ]] || "$here/link.sh" stop "$DRAY_TEST_LINK"
	[[ -z $own ]] || "$here/rgw.sh" stop "$own/rgw"
	[[ -z $own ]] || rm -rf "$own"
	exit "$status"
}
trap cleanup EXIT

if [[ ! -e ${DRAY_TEST_RGW_DIR:-}/env ]]; then
	own=$(mktemp -d)
	DRAY_TEST_RGW_DIR=$own/rgw
	"$here/rgw.sh" start "$DRAY_TEST_RGW_DIR"
fi
export DRAY_TEST_RGW_DIR

for name in $(compgen -e AWS_); do unset "$name"; done
set -a
# shellcheck disable=SC1091
source "$DRAY_TEST_RGW_DIR/env"
set +a
export AWS_ENDPOINT_URL=$DRAY_TEST_S3_ENDPOINT
export AWS_ACCESS_KEY_ID=$DRAY_TEST_S3_ACCESS_KEY
export AWS_SECRET_ACCESS_KEY=$DRAY_TEST_S3_SECRET_KEY
export AWS_REGION=us-east-1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
export AWS_EC2_METADATA_DISABLED=true
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
export DRAY_TEST_S3_BUCKET=dray-test-$$-$RANDOM
export DRAY_TEST_S3_URL=s3://$DRAY_TEST_S3_BUCKET/test
"$tools/s3_bucket" create "$DRAY_TEST_S3_BUCKET"
bucket_made=1

address=127.0.0.1
if [[ -n $link ]]; then
	name=$$
	address=$("$here/link.sh" start "$name" "${link%,*}" "${link#*,}")
	export DRAY_TEST_LINK=$name
	behind=(nsenter "--net=/run/netns/dray-$name")
	export NO_PROXY=127.0.0.1,$address no_proxy=127.0.0.1,$address
fi
if [[ -n $faults ]]; then
	# It ends when this shell closes its standard input.
	coproc PROXY { exec python3 "$here/fault_proxy.py" "${DRAY_TEST_S3_ENDPOINT#http://}" \
		"listen=$address"; }
	read -r endpoint control <&"${PROXY[0]}"
	export AWS_ENDPOINT_URL=${endpoint#endpoint=}
	export DRAY_TEST_FAULT_CONTROL=${control#control=}
fi
"${behind[@]}" "$@"
