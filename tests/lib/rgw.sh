#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real S3 server for tests: a single-node Ceph RGW on 127.0.0.1 whose
# storage daemon keeps everything in memory.
#
#   rgw.sh start DIR      start one; DIR/env then holds NAME=value lines for
#                         the shell: the endpoint, also by TLS, keys, admin socket
#   rgw.sh counters DIR   what the server counted since its start, a line each:
#                         requests, puts, gets, bytes_in, bytes_out
#   rgw.sh halt DIR       end its S3 daemon: nobody listens any more; what was
#   rgw.sh resume DIR     stored is there again when it is begun anew
#   rgw.sh stop DIR       stop it and remove DIR
#
# Any number may run at once: ports are chosen free, files live in DIR, sockets
# in a short directory of their own (their paths must fit 107 bytes).
# Exit status 77: Ceph is not installed, which test drivers take as "skipped".
set -euo pipefail

packages="radosgw ceph-mon ceph-osd ceph-common"
access_key=dray-test-access
secret_key=dray-test-secret/with+signs
start_limit_s=60

say() { echo "rgw.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs "$@" until it succeeds; fails when start_limit_s has passed.
wait_for() {
	local end=$((SECONDS + start_limit_s))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || { say "not ready after $start_limit_s s: $*"; return 1; }
		sleep 0.1
	done
}

# COUNT ports of 127.0.0.1 that nobody listens on, below those that the kernel
# hands out to clients, who might take one before the server does.
free_ports() {
	python3 - "$1" <<-'PYTHON'
		import random, socket, sys
		held = []
		while len(held) < int(sys.argv[1]):
		    s = socket.socket()
		    try:
		        s.bind(("127.0.0.1", random.randrange(15000, 32000)))
		        held.append(s)
		    except OSError:
		        pass
		print(*(s.getsockname()[1] for s in held))
	PYTHON
}

check_installed() {
	local program
	for program in ceph ceph-mon ceph-osd monmaptool radosgw radosgw-admin python3 curl openssl; do
		command -v "$program" >/dev/null && continue
		say "$program is not installed: apt-get install --no-install-recommends $packages"
		exit 77
	done
}

write_conf() {
	cat >"$dir/ceph.conf" <<-CONF
		[global]
		fsid = $fsid
		mon_host = v1:127.0.0.1:$mon_port
		public_addr = 127.0.0.1
		auth_cluster_required = none
		auth_service_required = none
		auth_client_required = none
		keyring = $dir/keyring
		mon_data = $dir/mon
		mon_data_avail_crit = 1
		mon_allow_pool_size_one = true
		osd_data = $dir/osd
		osd_objectstore = memstore
		memstore_device_bytes = 8589934592
		osd_pool_default_size = 1
		osd_pool_default_min_size = 1
		osd_pool_default_pg_num = 1
		osd_crush_chooseleaf_type = 0
		run_dir = $run
		pid_file = $run/\$name.pid
		admin_socket = $run/\$name.asok
		log_file = $dir/\$name.log
		rgw_frontends = beast endpoint=127.0.0.1:$rgw_port ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$dir/cert.pem ssl_private_key=$dir/key.pem
		rgw_dynamic_resharding = false
		# Freed memory comes back within seconds, not hours.
		rgw_gc_obj_min_wait = 5
		rgw_gc_processor_period = 5
	CONF
}

write_env() {
	# Values are quoted for the shell.
	{
		printf 'DRAY_TEST_S3_ENDPOINT=%q\n' "http://127.0.0.1:$rgw_port"
		printf 'DRAY_TEST_S3_TLS_ENDPOINT=%q\n' "https://127.0.0.1:$tls_port"
		printf 'DRAY_TEST_S3_TLS_CA=%q\n' "$dir/cert.pem"
		printf 'DRAY_TEST_S3_ACCESS_KEY=%q\n' "$access_key"
		printf 'DRAY_TEST_S3_SECRET_KEY=%q\n' "$secret_key"
		printf 'DRAY_TEST_S3_ASOK=%q\n' "$run/client.rgw.asok"
	} >"$dir/env.new"
	mv "$dir/env.new" "$dir/env"
}

# A certificate of its own authority, for 127.0.0.1.
make_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=dray-test \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$dir/key.pem" -out "$dir/cert.pem"
}

monitor_leads() { ceph --admin-daemon "$run/mon.a.asok" mon_status | grep -q '"state": "leader"'; }
osd_is_up() { ceph --admin-daemon "$run/osd.0.asok" status | grep -q '"state": "active"'; }
gateway_answers() { curl -sf -m 2 "http://127.0.0.1:$rgw_port/"; }

start_gateway() {
	radosgw -n client.rgw --rgw-data "$dir/rgw"
	wait_for gateway_answers
}

start_daemons() {
	fsid=$(cat /proc/sys/kernel/random/uuid)
	write_conf
	make_certificate
	export CEPH_ARGS="--conf $dir/ceph.conf"
	monmaptool --create --addv a "[v1:127.0.0.1:$mon_port]" --fsid "$fsid" "$dir/monmap"
	ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring"
	ceph-mon -i a
	wait_for monitor_leads
	osd_id=$(cat /proc/sys/kernel/random/uuid)
	ceph osd new "$osd_id" 0
	ceph-osd -i 0 --mkfs --osd-uuid "$osd_id"
	# It gives up ("wrong fsid") when it asks the monitor for something
	# before the monitor's map has come.
	wait_for ceph-osd -i 0
	wait_for osd_is_up
	start_gateway
	radosgw-admin user create --uid=dray --display-name=dray \
		--access-key="$access_key" --secret-key="$secret_key"
}

start() {
	local status
	check_installed
	[[ ! -e $dir/env ]] || stop
	rm -rf "$dir"
	mkdir -p "$dir"/{mon,osd,rgw}
	touch "$dir/keyring"
	run=$(mktemp -d /tmp/dray-rgw.XXXXXX)
	echo "$run" >"$dir/run"
	read -r mon_port rgw_port tls_port < <(free_ports 3)
	# Inside an "if" the shell would not stop at the first failure.
	set +e
	(set -e; start_daemons) >"$dir/start.log" 2>&1
	status=$?
	set -e
	if ((status)); then
		say "the server did not start; the end of $dir/start.log:"
		tail -n 20 "$dir/start.log" >&2
		kill_daemons
		exit 1
	fi
	write_env
}

# True while the process of that id is a daemon of this DIR.
is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/environ" | grep -qF "$dir/ceph.conf"; }
is_gone() { ! is_ours "$1"; }

kill_daemons() {
	local file pid
	for file in "$run"/{client.rgw,osd.0,mon.a}.pid; do
		[[ -s $file ]] || continue
		pid=$(<"$file")
		is_ours "$pid" || continue
		kill -KILL "$pid" 2>/dev/null || true # all it has is in memory
		wait_for is_gone "$pid" || true
	done
	rm -rf "$run"
}

halt() {
	local pid
	run=$(<"$dir/run")
	pid=$(<"$run/client.rgw.pid")
	is_ours "$pid" || die "$dir has no S3 daemon that runs"
	kill -KILL "$pid"
	wait_for is_gone "$pid"
}

resume() {
	# shellcheck disable=SC1091
	source "$dir/env"
	rgw_port=${DRAY_TEST_S3_ENDPOINT##*:}
	export CEPH_ARGS="--conf $dir/ceph.conf"
	start_gateway >>"$dir/start.log" 2>&1
}

stop() {
	[[ -s $dir/run ]] || return 0
	run=$(<"$dir/run")
	kill_daemons
	rm -rf "$dir"
}

counters() {
	[[ -s $dir/env ]] || die "no server was started in $dir"
	# shellcheck disable=SC1091
	source "$dir/env"
	ceph --admin-daemon "$DRAY_TEST_S3_ASOK" perf dump rgw | python3 -c '
import json, sys
counters = json.load(sys.stdin)["rgw"]
for name, key in (("requests", "req"), ("puts", "put"), ("gets", "get"),
                  ("bytes_in", "put_b"), ("bytes_out", "get_b")):
    print(f"{name}={counters[key]}")'
}

[[ $# -eq 2 ]] || die "usage: rgw.sh start|counters|halt|resume|stop DIR"
dir=$(realpath -m "$2")
case $1 in
start | counters | halt | resume | stop) "$1" ;;
*) die "unknown verb \"$1\": start, counters, halt, resume or stop" ;;
esac
