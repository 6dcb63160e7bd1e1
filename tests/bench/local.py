#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The mount beside libfuse's passthrough_ll on the same disk, in one run.

    tests/bench/local.py [--build build/release] [--rounds 3] [--work DIR]
                         [--scale 1] [--bare] [--only ROW,ROW]

Every row is run on each mount in turn, round after round, so that the noise of
the machine hits all alike; the median of the rounds and the ratio to
passthrough_ll (mounted with writeback,cache=always) are printed. --bare adds
the directory below without FUSE. On a busy machine many short rounds say more
than a few long ones: --scale 0.1 --rounds 11.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time

EXAMPLES = "/usr/share/doc/libfuse3-dev/examples"
ROWS = [
    # name, workload, count, drop caches before
    ("sequential write + fsync", "seqwrite", 512, False),
    ("sequential read, cold", "seqread", 512, True),
    ("sequential read, warm", "seqread", 512, False),
    ("random read 4 KiB, cold", "randread", 20000, True),
    ("random write 4 KiB", "randwrite", 20000, False),
    ("4 KiB append + fsync", "fsync", 1000, False),
    ("4 KiB append + fsync, 16 threads", "fsync16", 4000, False),
    ("small files: create", "create", 10000, False),
    ("small files: stat", "stat", 10000, True),
    ("small files: read", "smallread", 10000, True),
    ("small files: rename", "rename", 10000, False),
    ("small files: unlink", "unlink", 10000, False),
    ("untar", "untar", 0, False),
]


def run(*words, **options):
    return subprocess.run(words, check=True, text=True, **options)


def drop_caches():
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as knob:
            knob.write("3\n")
    except OSError:
        print("cannot drop the caches: 'cold' rows are warm", file=sys.stderr)


class Passthrough:
    name = "passthrough_ll"

    def __init__(self, work):
        self.mount = os.path.join(work, "ptll")
        self.source = os.path.join(work, "ptll.d")
        program = os.path.join(work, "passthrough_ll")
        source = os.path.join(EXAMPLES, "passthrough_ll.c")
        flags = run("pkg-config", "--cflags", "--libs", "fuse3", stdout=subprocess.PIPE).stdout
        run("gcc", "-O2", "-D_GNU_SOURCE", source, "-o", program, *flags.split())
        os.makedirs(self.mount)
        os.makedirs(self.source)
        options = f"writeback,cache=always,source={self.source},allow_other"
        run(program, "-o", options, self.mount)

    def stop(self):
        run("fusermount3", "-u", self.mount)


class Dray:
    name = "drayfs"

    def __init__(self, work, build):
        self.program = os.path.join(build, "dray")
        self.mount = os.path.join(work, "dray")
        store = os.path.join(work, "dray.store")
        os.makedirs(self.mount)
        os.makedirs(store)
        run(self.program, "init", f"file://{store}", stdout=subprocess.DEVNULL)
        run(self.program, "mount", f"file://{store}", self.mount, "--cache",
            os.path.join(work, "dray.cache"), "-o", "allow_other")

    def settle(self):
        run(self.program, "wait", self.mount)

    def stop(self):
        run(self.program, "umount", self.mount, stdout=subprocess.DEVNULL)


class Bare:
    name = "bare disk"

    def __init__(self, work):
        self.mount = os.path.join(work, "bare")
        os.makedirs(self.mount)

    def stop(self):
        pass


def make_tar(path):
    """A source-like tree from the system's headers."""
    with tarfile.open(path, "w") as tar:
        tar.add("/usr/include", "include")


def untar(directory, tar):
    target = os.path.join(directory, "untar")
    os.makedirs(target)
    start = time.monotonic()
    run("tar", "-C", target, "-xf", tar)
    seconds = time.monotonic() - start
    with tarfile.open(tar) as archive:
        count = len(archive.getnames())
    return "op/s", count / seconds


def measure(system, workload, count, cold, options, tar):
    directory = os.path.join(system.mount, "work")
    os.makedirs(directory, exist_ok=True)
    if cold:
        drop_caches()
    if workload == "untar":
        return untar(directory, tar)
    program = os.path.join(options.build, "tests", "bench", "bench_workload")
    output = run(program, directory, workload, str(count), stdout=subprocess.PIPE).stdout.split()
    return output[1], float(output[2])


def one_round(systems, options, tar, results):
    for name, workload, count, cold in ROWS:
        if options.only and workload not in options.only.split(","):
            continue
        count = max(1, int(count * options.scale))
        for system in systems:
            unit, value = measure(system, workload, count, cold, options, tar)
            results.setdefault(name, (unit, {}))[1].setdefault(system.name, []).append(value)
    for system in systems:
        shutil.rmtree(os.path.join(system.mount, "work"))
        if isinstance(system, Dray):
            system.settle()


def report(systems, results):
    heads = [system.name for system in systems]
    print("| work | unit | " + " | ".join(heads) + " | drayfs / passthrough_ll |")
    print("|---|---|" + "---|" * (len(heads) + 1))
    for name, (unit, values) in results.items():
        medians = {head: statistics.median(values[head]) for head in heads}
        ratio = medians["drayfs"] / medians["passthrough_ll"]
        cells = " | ".join(f"{medians[head]:,.0f}" for head in heads)
        print(f"| {name} | {unit} | {cells} | {ratio:.2f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1, help="of the amount of work in a row")
    parser.add_argument("--work")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--only")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    work = tempfile.mkdtemp(prefix="dray-bench.", dir=options.work)
    systems = []
    results = {}
    try:
        tar = os.path.join(work, "tree.tar")
        make_tar(tar)
        systems.append(Passthrough(work))
        systems.append(Dray(work, options.build))
        if options.bare:
            systems.append(Bare(work))
        for _ in range(options.rounds):
            one_round(systems, options, tar, results)
            systems.reverse()
    finally:
        for system in systems:
            system.stop()
        shutil.rmtree(work, ignore_errors=True)
    systems.sort(key=lambda system: system.name, reverse=True)
    report(systems, results)


if __name__ == "__main__":
    main()
