#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# logrotate under a program that writes lines and never closes its log. Rotating
# by rename loses no line, whether or not the program opens the new file.
# copytruncate may lose what is written between its copy and its truncate(2), as on
# any file system, but never repeats, tears or blanks a line. What was written when
# "dray wait" is called is in the cloud, though the log is open.
#
#	test_apps_logrotate.sh [ROTATIONS]
# shellcheck source=tests/e2e/lib.sh
source "$(dirname "$0")/lib.sh"
requires_mount
requires logrotate
rotations=${1:-6}
new_volume
mount_volume

# write_lines FILE COUNTER: numbered lines, appended until it is told to end; the
# number of those that were written goes into COUNTER, outside of the volume. SIGHUP:
# opens FILE anew.
write_lines() {
	exec python3 - "$1" "$2" <<-'PYTHON'
		import os, signal, sys, time
		path, counter = sys.argv[1:]
		def reopen(*_):
		    global log
		    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
		signal.signal(signal.SIGHUP, reopen)
		reopen()
		with open(counter, "w") as written:
		    for number in range(10**9):
		        os.write(log, b"line %d of a log that is never closed\n" % number)
		        if number % 50 == 0:
		            written.seek(0)
		            written.write(f"{number + 1}\n")
		            written.flush()
		            time.sleep(0.01)
	PYTHON
}

# rotate NAME OPTION...: rotates its log so many times.
rotate() {
	local name=$1
	printf '%s {\n' "$MNT/$name/log" >"$WORK/$name.conf"
	printf '\t%s\n' "rotate 1000" nocompress "start 1" "${@:2}" '}' >>"$WORK/$name.conf"
	chmod 644 "$WORK/$name.conf"
	for _ in $(seq "$rotations"); do
		sleep 0.2
		logrotate -f -s "$WORK/$name.state" "$WORK/$name.conf" || fail "logrotate, $name"
	done
}

# check_lines NAME LEAST: in its logs, oldest first, there are at least so many lines,
# all whole, in order and none twice; prints how many are missing in between.
check_lines() {
	python3 - "$MNT/$1" "$2" <<-'PYTHON' || fail "the lines of $1"
		import os, re, sys
		top, least = sys.argv[1], int(sys.argv[2])
		names = sorted(os.listdir(top), key=lambda name: -int(name.partition(".")[2] or 0))
		text = b"".join(open(os.path.join(top, name), "rb").read() for name in names)
		lines = text.split(b"\n")
		numbers = []
		for line in lines[:-1]:
		    match = re.fullmatch(rb"line (\d+) of a log that is never closed", line)
		    assert match, f"a torn line after number {numbers[-1:]}: {line[:80]!r}"
		    numbers.append(int(match[1]))
		assert all(a < b for a, b in zip(numbers, numbers[1:])), "out of order"
		assert numbers[-1] + 1 >= least, f"the last is {numbers[-1]}, {least} were written"
		print(numbers[-1] + 1 - len(numbers))
	PYTHON
}

declare -A writer
for name in renamed reopened copied; do
	mkdir "$MNT/$name"
	write_lines "$MNT/$name/log" "$WORK/$name.count" &
	writer[$name]=$!
	ends_with_test $!
	until [ -s "$WORK/$name.count" ]; do sleep 0.05; done
done
rotate renamed nocreate missingok
rotate reopened nocreate missingok postrotate "kill -HUP ${writer[reopened]}" endscript
rotate copied copytruncate

# The writers go on; what they had written before is kept by the cloud.
sleep 0.5
for name in renamed reopened copied; do
	cp "$WORK/$name.count" "$WORK/$name.least"
done
timeout 300 "$DRAY" wait "$MNT"
kill_gateway
# (The kernel goes on taking their lines into its cache.)
kill "${writer[@]}"
wait
umount -l "$MNT"
rm -rf "$CACHE"
MOUNT_OPTIONS=takeover
mount_volume
for name in renamed reopened copied; do
	missing=$(check_lines $name "$(cat "$WORK/$name.least")")
	[ $name = copied ] || [ "$missing" = 0 ] || fail "$name: $missing lines are lost"
done
echo "copytruncate lost $missing lines of $(cat "$WORK/copied.least") in $rotations rotations"
umount_volume
