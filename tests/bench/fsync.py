#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How often a second an append of 4 KiB is made durable: on the mount and in
the directory below, on the same disk, in one run.

    tests/bench/fsync.py [--build build/release] [--rounds 5] [--work DIR]

Each round runs one thread and then 16 (a file each) on both; the medians are
printed with the ratios that have a goal.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import local


def rate(system, program, workload, count):
    directory = os.path.join(system.mount, "work")
    os.makedirs(directory, exist_ok=True)
    words = [program, directory, workload, str(count)]
    output = subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE).stdout.split()
    return float(output[2])


def report(rates):
    one, sixteen = {}, {}
    for name, values in rates.items():
        one[name] = statistics.median(values["fsync"])
        sixteen[name] = statistics.median(values["fsync16"])
    share = one["drayfs"] / one["bare disk"]
    growth = sixteen["drayfs"] / one["drayfs"]
    print("| 4 KiB append + fsync | bare disk | drayfs | ratio | goal | reached |")
    print("|---|---|---|---|---|---|")
    print(f"| 1 thread, a second | {one['bare disk']:,.0f} | {one['drayfs']:,.0f} | "
          f"{share:.2f} of the bare disk | >= 0.5 | {'yes' if share >= 0.5 else 'NO'} |")
    print(f"| 16 threads, a second | {sixteen['bare disk']:,.0f} | {sixteen['drayfs']:,.0f} | "
          f"{growth:.1f} of its own 1 thread | >= 3 | {'yes' if growth >= 3 else 'NO'} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", help="a directory on the disk to be measured")
    options = parser.parse_args()
    build = os.path.abspath(options.build)
    program = os.path.join(build, "tests", "bench", "bench_workload")
    work = tempfile.mkdtemp(prefix="dray-bench.", dir=options.work)
    systems = []
    rates = {}
    try:
        systems.append(local.Bare(work))
        systems.append(local.Dray(work, build))
        for _ in range(options.rounds):
            for workload, count in (("fsync", 1000), ("fsync16", 4000)):
                for system in systems:
                    values = rates.setdefault(system.name, {}).setdefault(workload, [])
                    values.append(rate(system, program, workload, count))
            systems.reverse()
    finally:
        for system in systems:
            system.stop()
        shutil.rmtree(work, ignore_errors=True)
    report(rates)


if __name__ == "__main__":
    sys.exit(main())
