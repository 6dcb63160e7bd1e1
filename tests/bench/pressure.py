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
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import control  # noqa: E402

MIB = 1 << 20
SAMPLE_S = 0.25


def disk_usage(top):
    """Bytes that a directory takes of its disk, in all."""
    total = 0
    for directory, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(os.path.join(directory, name)).st_blocks * 512
            except FileNotFoundError:
                pass
    return total


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
        marks = "  ".join(f"p{share:g} {1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]:,.1f}"
                          for share in (50, 90, 99, 99.9))
        return f"{len(ordered):7,} calls, ms: {marks}  max {1000 * ordered[-1]:,.1f}"


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


class Samples:
    """What status and du tell, as time goes on."""

    def __init__(self, cache, path):
        self.cache, self.rows = cache, []
        self.sock = control.connect(cache)
        self.csv = open(path, "w", encoding="ascii") if path else None
        self.start = time.monotonic()
        self.names = ("dirty_bytes", "cache_used_bytes", "cache_limit_bytes",
                      "upload_bytes_per_second", "uploads_in_flight")
        if self.csv:
            print("seconds", "du_bytes", *self.names, sep=",", file=self.csv)

    def take(self):
        usage = disk_usage(self.cache)
        status = list(control.ask(self.sock, {"verb": "status"}))[-1]
        status = status.get("status", status)
        now = time.monotonic()
        row = {"at": now, "du": usage, **{name: status[name] for name in self.names}}
        self.rows.append(row)
        if self.csv:
            print(f"{now - self.start:.2f}", usage, *(status[name] for name in self.names),
                  sep=",", file=self.csv, flush=True)
        return row

    def most(self, name):
        return max(row[name] for row in self.rows)


def run(*words, **options):
    return subprocess.run(words, check=True, **options)


class Volume:
    def __init__(self, args, work):
        self.dray = os.path.join(args.build, "dray")
        self.mount, self.cache = os.path.join(work, "mnt"), os.path.join(work, "cache")
        self.url = os.environ["DRAY_TEST_S3_URL"]
        os.makedirs(self.mount)
        run(self.dray, "init", self.url, stdout=subprocess.DEVNULL)
        run(self.dray, "mount", self.url, self.mount, "--cache", self.cache, "--cache-size",
            f"{args.cache}M", "-o", f"log={work}/log" + ("," if args.options else "") + args.options)

    def wait(self):
        run(self.dray, "wait", self.mount, stderr=subprocess.DEVNULL)

    def close(self):
        run(self.dray, "umount", self.mount, stdout=subprocess.DEVNULL)


def prepare(volume):
    """Files to be read and removed."""
    for name in ("small", "meta", "old"):
        os.mkdir(f"{volume.mount}/{name}")
    with open(f"{volume.mount}/read-me", "wb") as file:
        file.write(os.urandom(8 * MIB))
    for number in range(2000):
        with open(f"{volume.mount}/old/{number}", "wb") as file:
            file.write(os.urandom(4096))
    volume.wait()


def spawn(args, mount, stop, results):
    beside = [(read_file, 0), (do_metadata, 0), (remove, 0)]
    beside += [(make_small, number) for number in range(args.small)]
    processes = [multiprocessing.Process(target=repeat, args=(function, mount, number, stop, results))
                 for function, number in beside]
    for process in processes:
        process.start()
    return processes


def measure(args, volume, samples):
    results, stop = multiprocessing.SimpleQueue(), multiprocessing.Event()
    length = args.times * args.cache * MIB
    processes = spawn(args, volume.mount, stop, results)
    start = time.monotonic()
    large = multiprocessing.Process(target=write_large, args=(volume.mount, length, results))
    large.start()
    while large.is_alive() and results.empty():
        samples.take()
        time.sleep(SAMPLE_S)
    found = {"large": results.get()[1]}
    written = time.monotonic()
    stop.set()
    for _ in processes:
        name, seconds = results.get()
        found.setdefault(name, Times()).seconds += seconds
    for process in processes + [large]:
        process.join()
    sync = subprocess.Popen([volume.dray, "wait", volume.mount], stderr=subprocess.DEVNULL)
    while sync.poll() is None:
        samples.take()
        time.sleep(SAMPLE_S)
    return found, length, start, written, time.monotonic()


def paced_rate(marks, samples, limit):
    """Of the large file, from when the cache was three quarters full of what waits."""
    full = [row["at"] for row in samples.rows if row["dirty_bytes"] >= limit * 3 // 4]
    if not full:
        return None
    after = [mark for mark in marks if mark >= full[0]]
    return len(after) * MIB / (after[-1] - after[0]) / 1e6 if len(after) > 1 else None


def report(args, found, length, start, written, drained, samples):
    seconds, closing, marks = found.pop("large")
    limit = samples.rows[0]["cache_limit_bytes"]
    dirty_limit = limit * 8 // 10
    paced = paced_rate(marks, samples, dirty_limit)
    everything = length + sum(64 << 10 for _ in found["make_small"].seconds)
    rates = [("written, from the first byte", length / (written - start) / 1e6),
             ("written, once the cache was 3/4 full", paced),
             ("in the store, from the first byte", everything / (drained - start) / 1e6)]
    for name, rate in rates:
        print(f"{name:40} " + (f"{rate:6.2f} MB/s, {rate / args.rate:.2f} of the link" if rate else "-"))
    calls = {"write": Times(), "close": Times(), **found}
    calls["write"].seconds, calls["close"].seconds = seconds, closing
    for name, times in calls.items():
        print(f"{name:12} {times.text()}")
    for name, most in (("du", limit), ("cache_used_bytes", limit), ("dirty_bytes", dirty_limit)):
        print(f"most {name:18} {samples.most(name) / MIB:8.1f} MiB of {most / MIB:8.1f}: "
              f"{100 * samples.most(name) / most:.1f} %")


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
    args.build = os.path.realpath(args.build)
    work = tempfile.mkdtemp(prefix="dray-pressure.", dir=args.work)
    volume = Volume(args, work)
    prepare(volume)
    samples = Samples(volume.cache, args.csv)
    report(args, *measure(args, volume, samples), samples)
    volume.close()
    run("rm", "-rf", work)


if __name__ == "__main__":
    main()
