#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A slow network link for tests: a network namespace whose only way out is a
# veth pair that lets so many bytes a second through, as the kernel's token
# bucket does it (tc-tbf). Needs root.
#
#   link.sh start NAME UP DOWN   make it, with the bytes a second from inside to
#                                outside and back; prints the address outside
#   link.sh limit NAME UP        change the first; to be called inside
#   link.sh stop NAME            remove it
#
# A command runs behind it by
#
#   nsenter --net=/run/netns/dray-NAME COMMAND...
#
# and reaches who listens at the printed address. NAME has at most 8 letters.
# Exit status 77: not possible here, which test drivers take as "skipped".
set -euo pipefail

say() { echo "link.sh: $*" >&2; }

check_possible() {
	local program
	for program in ip tc nsenter; do
		command -v "$program" >/dev/null && continue
		say "$program is not installed: apt-get install iproute2 util-linux"
		exit 77
	done
	[[ $(id -u) = 0 ]] && return
	say "a network namespace needs root"
	exit 77
}

inside() { nsenter --net="/run/netns/$space" "$@"; }

# limit DEVICE RATE: of what leaves by the device.
limit() {
	tc qdisc replace dev "$1" root tbf rate "$(($2 * 8))bit" \
		burst "$(($2 / 100 > 65536 ? $2 / 100 : 65536))" latency 100ms
}

# A network of four addresses that no other link of this machine has: drawn
# from the shared address space of carriers (100.64.0.0/10).
address() {
	local here
	while true; do
		here=100.$((64 + RANDOM % 64)).$((RANDOM % 256)).$((RANDOM % 64 * 4))
		[[ -n $(ip -4 route show root "$here/30") ]] || break
	done
	echo "${here%.*}" "${here##*.}"
}

start() {
	local network last
	read -r network last < <(address)
	ip netns add "$space" 2>/dev/null || { say "network namespaces cannot be made here"; exit 77; }
	if ! ip link add "$outer" type veth peer name "$inner" 2>/dev/null; then
		ip netns del "$space"
		say "the kernel has no veth devices"
		exit 77
	fi
	ip link set "$inner" netns "$space"
	ip addr add "$network.$((last + 1))/30" dev "$outer"
	ip link set "$outer" up
	inside ip addr add "$network.$((last + 2))/30" dev "$inner"
	inside ip link set lo up
	inside ip link set "$inner" up
	if ! limit "$outer" "$2" 2>/dev/null; then
		stop
		say "the kernel has no token bucket (sch_tbf)"
		exit 77
	fi
	nsenter --net="/run/netns/$space" "$0" limit "$name" "$1"
	echo "$network.$((last + 1))"
}

# The pair goes with the namespace as soon as no process is left in it; here at once.
stop() {
	ip link del "$outer" 2>/dev/null || true
	ip netns del "$space" 2>/dev/null || true
}

[[ $# -ge 2 && ${#2} -le 8 ]] || { say "usage: link.sh start|limit|stop NAME [UP [DOWN]]"; exit 1; }
check_possible
name=$2 space=dray-$2 outer=dray-$2-o inner=dray-$2-i
case $1 in
start) start "${3:?bytes a second}" "${4:?bytes a second}" ;;
limit) limit "$inner" "${3:?bytes a second}" ;;
stop) stop ;;
*) say "unknown verb \"$1\": start, limit or stop"; exit 1 ;;
esac
