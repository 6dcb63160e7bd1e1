#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long until a volume is mounted on a new machine, and its first file read.

    tests/bench/restore.py [--build build/release] [--files 100000,1000000]
        [--rounds 3] [--work DIR] [--url s3://bucket/prefix] [--keep]

The volumes are generated (make_volume.c), one for each number of files; --keep
leaves them in the work directory for the next time. Times are from the start
of `dray mount` with an empty cache to its return, and to the end of the first
read. RssAnon and RssFile (LMDB's mapped pages) are of the gateway after that,
peak is the greatest RssAnon seen meanwhile.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import threading
import time


def memory(pid):
    """RssAnon and RssFile in MiB."""
    fields = {}
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                name, _, rest = line.partition(":")
                fields[name] = rest.split()
        return tuple(int(fields[name][0]) / 1024 for name in ("RssAnon", "RssFile"))
    except (OSError, KeyError):
        return 0, 0


def gateways(cache):
    """Processes that have the cache directory in their arguments."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                if cache.encode() in line.read().split(b"\0"):
                    yield int(pid)
        except OSError:
            pass


class Watch(threading.Thread):
    """The greatest RssAnon of the gateways, looked at all the time."""

    def __init__(self, cache):
        super().__init__(daemon=True)
        self.cache, self.peak, self.done = cache, 0, False

    def run(self):
        while not self.done:
            self.peak = max([self.peak] + [memory(pid)[0] for pid in gateways(self.cache)])
            time.sleep(0.02)


def measure(dray, url, work, files):
    cache, mount = os.path.join(work, "cache"), os.path.join(work, "mnt")
    shutil.rmtree(cache, ignore_errors=True)
    os.makedirs(mount, exist_ok=True)
    watch = Watch(cache)
    watch.start()
    start = time.monotonic()
    subprocess.run([dray, "mount", url, mount, "--cache", cache, "-o", "takeover"], check=True,
                   stderr=subprocess.DEVNULL)
    mounted = time.monotonic() - start
    number = files * 2 // 3
    with open(f"{mount}/d{number // 1000:06d}/f{number:08d}", "rb") as file:
        expected = f"file {number} of a generated volume\n".encode().ljust(64, b".")
        assert file.read() == expected, "the first file is not what it was"
    read = time.monotonic() - start
    watch.done = True
    anon, mapped = max(memory(pid) for pid in gateways(cache))
    subprocess.run([dray, "umount", mount], check=True, stdout=subprocess.DEVNULL)
    return mounted, read, watch.peak, anon, mapped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--files", default="100000,1000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work")
    parser.add_argument("--url", help="volumes are made below this instead of the work directory")
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    build = os.path.realpath(args.build)
    work = args.work or tempfile.mkdtemp(prefix="dray-restore.")
    os.makedirs(work, exist_ok=True)
    print(f"{'files':>10} {'mounted':>9} {'first read':>10} {'peak MiB':>9} {'RssAnon':>9} "
          f"{'RssFile':>9}")
    for files in map(int, args.files.split(",")):
        place = os.path.join(work, f"volume-{files}")
        url = f"{args.url}-{files}" if args.url else f"file://{place}"
        if not os.path.exists(place):
            subprocess.run([os.path.join(build, "tests/bench/bench_make_volume"), url, str(files)],
                           check=True)
        for _ in range(args.rounds):
            row = measure(os.path.join(build, "dray"), url, work, files)
            print(f"{files:10,} {row[0]:8.2f}s {row[1]:9.2f}s {row[2]:9.1f} {row[3]:9.1f} "
                  f"{row[4]:9.1f}", flush=True)
        if not args.keep:
            shutil.rmtree(place, ignore_errors=True)
    if not args.keep:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
