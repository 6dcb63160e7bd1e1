#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the cache keep to its limit while a large file is overwritten at random?

    tests/bench/overwrite.py [MINUTES] [--build build/release] [--work DIR] [--file 4096]
        [--cache 1024] [--away 0.2] [--csv FILE]

A file of --file MiB is written, then 4 KiB at random places of it for MINUTES (60),
of which the share --away in the middle passes without the store; then all is
drained. Meanwhile du of the cache directory is sampled. Exit status 1 when it was
above the limit once.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import gauge
from gauge import MIB

BLOCK = 4096
THREADS = 4


class Writers:
    """Threads that overwrite until they are told to end."""

    def __init__(self, path, blocks):
        self.blocks, self.end, self.written, self.failed = blocks, threading.Event(), 0, []
        self.fd = os.open(path, os.O_WRONLY)
        self.threads = [threading.Thread(target=self.run, args=(number,))
                        for number in range(THREADS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        source = random.Random(number)
        try:
            while not self.end.is_set():
                for _ in range(250):
                    place = source.randrange(self.blocks) * BLOCK
                    os.pwrite(self.fd, source.randbytes(BLOCK), place)
                self.written += 250
                os.fdatasync(self.fd)
        except OSError as error:
            self.failed.append(error)

    def stop(self):
        self.end.set()
        for thread in self.threads:
            thread.join()
        os.close(self.fd)
        assert not self.failed, self.failed


def write_file(path, length):
    with open(path, "wb", buffering=0) as file:
        for _ in range(length // MIB):
            file.write(os.urandom(MIB))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, nargs="?", default=60)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work")
    parser.add_argument("--file", type=int, default=4096)
    parser.add_argument("--cache", type=int, default=1024)
    parser.add_argument("--away", type=float, default=0.2)
    parser.add_argument("--csv")
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="dray-overwrite.", dir=args.work)
    store = os.path.join(work, "store")
    os.mkdir(store)
    gateway = gauge.Gateway(args.build, work, f"file://{store}", f"cache-size={args.cache}M")
    gateway.init()
    gateway.start()
    watch = gauge.Gauge(gateway, 0.5, args.csv)
    watch.phase = "writing the file"
    watch.start()
    write_file(f"{gateway.mount}/file", args.file * MIB)
    writers = Writers(f"{gateway.mount}/file", args.file * MIB // BLOCK)
    for phase, share in (("overwriting", (1 - args.away) / 2),
                         ("overwriting, store away", args.away),
                         ("overwriting again", (1 - args.away) / 2)):
        watch.phase, before, start = phase, writers.written, time.monotonic()
        away = phase.endswith("away")
        if away:  # no object can be put
            os.rename(f"{store}/pack", f"{store}/pack.away")
            open(f"{store}/pack", "wb").close()
        time.sleep(60 * args.minutes * share)
        if away:
            os.unlink(f"{store}/pack")
            os.rename(f"{store}/pack.away", f"{store}/pack")
        took = time.monotonic() - start
        print(f"{phase}: {took:,.0f} s, {(writers.written - before) / max(1, took):,.0f} writes/s",
              flush=True)
    watch.phase = "draining"
    writers.stop()
    gateway.wait()
    watch.phase = "drained"
    watch.sample()
    watch.stop()
    watch.print_phases()
    gateway.stop()
    subprocess.run(["rm", "-rf", work], check=True)
    return watch.most("du_bytes") > args.cache * MIB


if __name__ == "__main__":
    sys.exit(main())
