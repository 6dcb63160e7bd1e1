#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
r"""How writers fare when the cache is full and the link to the store is slow.

    DRAY_TEST_TOOLS=build/release/tests/lib \
        tests/lib/with_rgw.sh --link 20000000,20000000 \
        tests/bench/pressure.py [--build build/release] [--work DIR] [--rate MB/S]
            [--cache MIB] [--times 4] [--small 8] [--csv FILE] [--options OPT,OPT]

One program writes a file of --times the cache's size, with bytes that do not
compress, while others go on beside it: --small of them make small files, one
reads, one does metadata, one removes. Printed are the rate of the large file, from
its first byte and from when the cache was three quarters full, how long its
calls took, and those of the others; and the greatest that the cache took of the
disk (du), that status told, and the limits. --csv gets these a few times a second.
"""

import argparse
import multiprocessing
import os
import random
import subprocess
import tempfile
import time

import gauge
from gauge import MIB


class Times:
    """How long calls took."""

    def __init__(self):
        self.seconds = []

    def call(self, function, *arguments):
        start = time.monotonic()
        result = function(*arguments)
        self.seconds.append(time.monotonic() - start)
        return result

    def text(self):
        ordered = sorted(self.seconds)
        if not ordered:
            return "none"
        marks = ""
        for share in (50, 90, 99, 99.9, 100):
            at = min(len(ordered) - 1, int(len(ordered) * share / 100))
            marks += f"  p{share:g} {1000 * ordered[at]:,.1f}"
        return f"{len(ordered):7,} calls, ms:{marks}"


# What the programs beside do, again and again. They return what was timed.

def make_small(mount, number, turn, times):
    path = f"{mount}/small/{number}-{turn}"

    def make():
        with open(path, "wb", buffering=0) as file:
            file.write(os.urandom(64 << 10))

    times.call(make)
    time.sleep(0.5)


def read_file(mount, number, turn, times):
    del number
    with open(f"{mount}/read-me", "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        times.call(os.pread, file.fileno(), 65536, random.randrange(32) * 65536 * 2)
    time.sleep(0.1)


def do_metadata(mount, number, turn, times):
    top = f"{mount}/meta/{number}-{turn}"
    times.call(os.mkdir, top)
    times.call(os.rename, top, top + "-renamed")
    times.call(os.listdir, f"{mount}/meta")
    times.call(os.chmod, top + "-renamed", 0o700)
    times.call(os.rmdir, top + "-renamed")
    time.sleep(0.1)


def remove(mount, number, turn, times):
    del number
    path = f"{mount}/old/{turn}"
    if os.path.exists(path):
        times.call(os.unlink, path)
    time.sleep(0.2)


def repeat(function, mount, number, stop, results):
    times = Times()
    turn = 0
    while not stop.is_set():
        function(mount, number, turn, times)
        turn += 1
    results.put((function.__name__, times.seconds))


def write_large(mount, length, results):
    times, close = Times(), Times()
    marks = []
    with open(f"{mount}/large", "wb", buffering=0) as file:
        for _ in range(length // MIB):
            times.call(file.write, os.urandom(MIB))
            marks.append(time.monotonic())
        close.call(os.close, os.dup(file.fileno()))
    results.put(("large", (times.seconds, close.seconds, marks)))


def prepare(gateway):
    """Files to be read and removed."""
    for name in ("small", "meta", "old"):
        os.mkdir(f"{gateway.mount}/{name}")
    with open(f"{gateway.mount}/read-me", "wb") as file:
        file.write(os.urandom(8 * MIB))
    for number in range(2000):
        with open(f"{gateway.mount}/old/{number}", "wb") as file:
            file.write(os.urandom(4096))
    gateway.wait()


def spawn(args, mount, stop, results):
    beside = [(read_file, 0), (do_metadata, 0), (remove, 0)]
    beside += [(make_small, number) for number in range(args.small)]
    processes = [multiprocessing.Process(target=repeat,
                                         args=(function, mount, number, stop, results))
                 for function, number in beside]
    for process in processes:
        process.start()
    return processes


def measure(args, gateway, watch):
    results, stop = multiprocessing.SimpleQueue(), multiprocessing.Event()
    length = args.times * args.cache * MIB
    processes = spawn(args, gateway.mount, stop, results)
    watch.phase, start = "writing", time.monotonic()
    large = multiprocessing.Process(target=write_large, args=(gateway.mount, length, results))
    large.start()
    found = {"large": results.get()[1]}
    written = time.monotonic()
    stop.set()
    for _ in processes:
        name, seconds = results.get()
        found.setdefault(name, Times()).seconds += seconds
    for process in processes + [large]:
        process.join()
    watch.phase = "draining"
    gateway.wait()
    return found, length, start, written, time.monotonic()


def paced_rate(marks, watch, limit):
    """Of the large file, from when the cache was three quarters full of what waits."""
    full = [watch.begun + row["seconds"] for row in watch.rows
            if row["dirty_bytes"] >= limit * 3 // 4]
    after = [mark for mark in marks if full and mark >= full[0]]
    return len(after) * MIB / (after[-1] - after[0]) / 1e6 if len(after) > 1 else None


def report(args, found, length, start, written, drained, watch):
    seconds, closing, marks = found.pop("large")
    dirty_limit = args.cache * MIB * 8 // 10
    everything = length + (64 << 10) * len(found["make_small"].seconds if args.small else ())
    rates = [("written, from the first byte", length / (written - start) / 1e6),
             ("written, once the cache was 3/4 full", paced_rate(marks, watch, dirty_limit)),
             ("in the store, from the first byte", everything / (drained - start) / 1e6)]
    for name, rate in rates:
        text = f"{rate:6.2f} MB/s, {rate / args.rate:.2f} of the link" if rate else "-"
        print(f"{name:40} {text}")
    calls = {"write": Times(), "close": Times(), **found}
    calls["write"].seconds, calls["close"].seconds = seconds, closing
    for name, times in calls.items():
        print(f"{name:12} {times.text()}")
    watch.print_phases()
    print(f"most dirty: {100 * watch.most('dirty_bytes') / dirty_limit:.1f} % of what may be")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work")
    parser.add_argument("--rate", type=float, default=20, help="the link's, for the report")
    parser.add_argument("--cache", type=int, default=1024)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--small", type=int, default=8)
    parser.add_argument("--csv")
    parser.add_argument("--options", default="")
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="dray-pressure.", dir=args.work)
    gateway = gauge.Gateway(args.build, work, os.environ["DRAY_TEST_S3_URL"],
                            f"cache-size={args.cache}M" + "," * bool(args.options) + args.options)
    gateway.init()
    gateway.start()
    prepare(gateway)
    watch = gauge.Gauge(gateway, 0.25, args.csv)
    watch.start()
    measured = measure(args, gateway, watch)
    watch.stop()
    report(args, *measured, watch)
    gateway.stop()
    subprocess.run(["rm", "-rf", work], check=True)


if __name__ == "__main__":
    main()
