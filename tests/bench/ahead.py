#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
r"""Cold reads from a store that is far away: read-ahead and what it is worth.

    DRAY_TEST_TOOLS=build/release/tests/lib tests/lib/with_rgw.sh --faults \
        tests/bench/ahead.py [--dray NAME=PATH]... [--latency 0,20,100] [--rounds 3]
        [--work DIR] [--only ROW,ROW]

A Ceph RGW behind a proxy that delays each request by so many milliseconds. With
several --dray each row is measured with each of them in turn, in the same round,
and the last column is the last one beside the first: below 1 it is faster.
Seconds are medians of the rounds. Every measurement starts with an empty cache.

Rows: one (a file of 256 MiB, in order), two (two readers in it, from the begin
and from the middle, of one file descriptor), random (200 reads of 4 KiB in it),
mixed (the same beside a reader in order), back (from its end, by 1 MiB), readdir
and names (2,000 files of 4 KiB in the order of the directory and of names),
spread (500 files of 4 KiB that came a few a time, in the order of names).
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIZE = 256 << 20
BLOCK = 1 << 20


def run(*words, **options):
    return subprocess.run(words, check=True, text=True, **options)


def set_latency(milliseconds):
    with urllib.request.urlopen(f"{os.environ['DRAY_TEST_FAULT_CONTROL']}/?"
                                f"latency={milliseconds}") as answer:
        answer.read()


class Mount:
    """The volume, mounted by one of the programs with an empty cache."""

    def __init__(self, dray, work, url):
        self.dray = dray
        self.point = os.path.join(work, "mnt")
        self.cache = os.path.join(work, "cache")
        run(dray, "mount", url, self.point, "--cache", self.cache)

    def path(self, *names):
        return os.path.join(self.point, *names)

    def gets(self):
        status = run(self.dray, "status", self.point, "--json", stdout=subprocess.PIPE)
        return json.loads(status.stdout)["gets_total"]

    def close(self):
        run(self.dray, "umount", self.point, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.cache)


def make_volume(dray, work, url, rows):
    """The same bytes each time; they do not shrink much, as those of most large files."""
    rng = random.Random(7)
    run(dray, "init", url, stdout=subprocess.DEVNULL)
    mount = Mount(dray, work, url)
    with open(mount.path("large"), "wb") as file:
        for _ in range(SIZE // BLOCK):
            file.write(rng.randbytes(BLOCK))
    os.mkdir(mount.path("small"))
    for number in range(2000):
        with open(mount.path("small", f"{number:06d}.csv"), "wb") as file:
            file.write(rng.randbytes(2048).hex().encode())
    if "spread" in rows:
        make_spread(mount, rng)
    run(dray, "wait", mount.point, stderr=subprocess.DEVNULL)
    mount.close()


def make_spread(mount, rng):
    """Files of a directory that are far from each other in the store: a few in each of
    many commits, beside others."""
    os.mkdir(mount.path("spread"))
    os.mkdir(mount.path("others"))
    for number in range(500):
        with open(mount.path("spread", f"{number:06d}.csv"), "wb") as file:
            file.write(rng.randbytes(4096))
        if number % 10 == 9:
            with open(mount.path("others", f"{number:06d}"), "wb") as file:
                file.write(rng.randbytes(3 << 20))
            run(mount.dray, "wait", mount.point, stderr=subprocess.DEVNULL)


def read_range(fd, start, end):
    for offset in range(start, end, BLOCK):
        os.pread(fd, BLOCK, offset)


def opened(mount, work):
    fd = os.open(mount.path("large"), os.O_RDONLY)
    try:
        work(fd)
    finally:
        os.close(fd)


def beside(*works):
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def random_reads(fd, low, high):
    rng = random.Random(3)
    for _ in range(200):
        os.pread(fd, 4096, rng.randrange(low // 4096, high // 4096) * 4096)


def row_one(mount):
    opened(mount, lambda fd: read_range(fd, 0, SIZE))


def row_two(mount):
    opened(mount, lambda fd: beside(lambda: read_range(fd, 0, SIZE // 2),
                                    lambda: read_range(fd, SIZE // 2, SIZE)))


def row_random(mount):
    opened(mount, lambda fd: random_reads(fd, 0, SIZE))


def row_mixed(mount):
    opened(mount, lambda fd: beside(lambda: read_range(fd, 0, SIZE // 2),
                                    lambda: random_reads(fd, SIZE // 2, SIZE)))


def row_back(mount):
    def work(fd):
        for offset in range(SIZE - BLOCK, -1, -BLOCK):
            os.pread(fd, BLOCK, offset)
    opened(mount, work)


def read_files(folder, names):
    for name in names:
        with open(os.path.join(folder, name), "rb", buffering=0) as file:
            file.read()


def row_readdir(mount):
    read_files(mount.path("small"), os.listdir(mount.path("small")))


def row_names(mount):
    read_files(mount.path("small"), sorted(os.listdir(mount.path("small"))))


def row_spread(mount):
    read_files(mount.path("spread"), sorted(os.listdir(mount.path("spread"))))


ROWS = {"one": row_one, "two": row_two, "random": row_random, "mixed": row_mixed,
        "back": row_back, "readdir": row_readdir, "names": row_names, "spread": row_spread}


def measure(row, dray, work, url):
    mount = Mount(dray, work, url)
    before = mount.gets()
    start = time.monotonic()
    ROWS[row](mount)
    seconds = time.monotonic() - start
    gets = mount.gets() - before
    mount.close()
    return seconds, gets


def report(row, latency, programs, figures):
    seconds = [statistics.median(figure[0] for figure in figures[name]) for name in programs]
    gets = [statistics.median(figure[1] for figure in figures[name]) for name in programs]
    cells = [f"{s:.2f} s, {g:.0f} GETs" for s, g in zip(seconds, gets)]
    print(f"| {row} | {latency} | {' | '.join(cells)} | {seconds[-1] / seconds[0]:.2f} |",
          flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dray", action="append")
    parser.add_argument("--latency", default="0,20,100")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work")
    parser.add_argument("--only", default=",".join(ROWS))
    options = parser.parse_args()
    programs = dict(word.split("=", 1) for word in options.dray or
                    ["drayfs=" + os.path.join(ROOT, "build/release/dray")])
    rows = options.only.split(",")
    work = tempfile.mkdtemp(prefix="dray-ahead.", dir=options.work)
    url = os.environ["DRAY_TEST_S3_URL"].rstrip("/") + "/ahead"
    try:
        os.mkdir(os.path.join(work, "mnt"))
        make_volume(list(programs.values())[-1], work, url, rows)
        print(f"| row | ms | {' | '.join(programs)} | ratio |")
        print("|---|---|" + "---|" * len(programs) + "---|")
        for latency in options.latency.split(","):
            set_latency(latency)
            for row in rows:
                figures = {name: [] for name in programs}
                for _ in range(options.rounds):
                    for name, dray in programs.items():
                        figures[name].append(measure(row, dray, work, url))
                report(row, latency, programs, figures)
    finally:
        set_latency(0)
        subprocess.run(["umount", "-l", os.path.join(work, "mnt")], check=False,
                       stderr=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
