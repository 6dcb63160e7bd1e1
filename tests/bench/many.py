#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a volume of very many files costs when it is mounted, and a large directory.

    tests/bench/many.py [--build build/release] [--files 10000000] [--directory 1000000]
        [--work DIR] [--rounds 3]

A volume of --files files is generated (make_volume.c, 1,000 in each directory) and
restored into a cache; then it is mounted with that cache again and again: the time of
`dray mount`, and RssAnon and RssFile of the gateway when it idles. A second volume has
--directory files in one directory; `ls -f` of it: when the first entry comes, how long
it takes, and the most RssAnon of the gateway meanwhile.
"""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import threading
import time

import gauge
from gauge import MIB


def mounted(gateway):
    start = time.monotonic()
    gateway.start()
    return time.monotonic() - start


def idle(gateway):
    time.sleep(5)
    return tuple(part / MIB for part in gauge.memory(gateway.pid()))


def make_volume(args, store, files, files_a_directory):
    subprocess.run([os.path.join(args.build, "tests/bench/bench_make_volume"), f"file://{store}",
                    str(files), str(files_a_directory)], check=True)


def measure_volume(args, work):
    store = os.path.join(work, "volume")
    make_volume(args, store, args.files, 1000)
    gateway = gauge.Gateway(args.build, work, f"file://{store}", "takeover")
    print(f"{args.files:,} files: restored and mounted in {mounted(gateway):.1f} s", flush=True)
    gateway.stop()
    print(f"{'mount, s':>9} {'RssAnon MiB':>12} {'RssFile MiB':>12} {'first stat, ms':>15}")
    for _ in range(args.rounds):
        took = mounted(gateway)
        anon, mapped = idle(gateway)
        start = time.monotonic()
        os.stat(f"{gateway.mount}/d000001/f00001234")
        stat = time.monotonic() - start
        print(f"{took:9.2f} {anon:12.1f} {mapped:12.1f} {1000 * stat:15.1f}", flush=True)
        gateway.stop()
    print(f"the cache directory takes {gauge.disk_usage(gateway.cache) / MIB:,.0f} MiB")


class Watch(threading.Thread):
    """The most RssAnon of a process."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.02):
            self.most = max(self.most, gauge.memory(self.pid)[0])

    def stop(self):
        self.done.set()
        self.join()
        return self.most / MIB


def list_directory(path):
    """Entries, seconds until the first and until the last; as ls -f does it."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
    libc.readdir.argtypes = libc.closedir.argtypes = (ctypes.c_void_p,)
    start = time.monotonic()
    stream = libc.opendir(path.encode())
    assert stream, path
    libc.readdir(stream)
    first = time.monotonic() - start
    count = 1
    while libc.readdir(stream):
        count += 1
    libc.closedir(stream)
    return count, first, time.monotonic() - start


def measure_directory(args, work):
    store = os.path.join(work, "store")
    make_volume(args, store, args.directory, args.directory)
    gateway = gauge.Gateway(args.build, work, f"file://{store}", "takeover")
    gateway.cache += "-directory"
    print(f"{args.directory:,} files in one directory: restored and mounted in "
          f"{mounted(gateway):.1f} s")
    gateway.stop()
    gateway.start()
    print(f"{'':24} {'entries':>10} {'first, ms':>10} {'all, s':>8} {'most RssAnon MiB':>17}")
    for label in ("ls -f, mounted again", "once more"):
        watch = Watch(gateway.pid())
        count, first, took = list_directory(f"{gateway.mount}/d000000")
        print(f"{label:24} {count:10,} {1000 * first:10.1f} {took:8.2f} {watch.stop():17.1f}",
              flush=True)
        assert count == args.directory + 2, count
    gateway.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--files", type=int, default=10000000)
    parser.add_argument("--directory", type=int, default=1000000)
    parser.add_argument("--work")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="dray-many.", dir=args.work)
    if args.files:
        measure_volume(args, work)
    if args.directory:
        measure_directory(args, work)
    subprocess.run(["rm", "-rf", work], check=True)


if __name__ == "__main__":
    sys.exit(main())
