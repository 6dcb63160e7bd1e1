#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
r"""What reaches the bucket, counted by the server (a Ceph RGW of its own).

    DRAY_TEST_TOOLS=build/release/tests tests/lib/with_rgw.sh \
        tests/bench/cloud.py [--build build/release] [--work DIR] [--only ROW,ROW]

Rows: small, tar, tar-again, rewrites, rename, cold-tar, cold-small, memory.
Each prints what was measured beside its goal.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TAR_BYTES = 350 * 1000 * 1000


def run(*words, **options):
    return subprocess.run(words, check=True, text=True, **options)


def output(*words):
    return run(*words, stdout=subprocess.PIPE).stdout


class Rgw:
    """The gateway that tests/lib/with_rgw.sh started."""

    def __init__(self):
        self.script = os.path.join(ROOT, "tests", "lib", "rgw.sh")
        self.directory = os.environ["DRAY_TEST_RGW_DIR"]

    def counters(self):
        pairs = (line.replace("=", " ").split() for line in
                 output(self.script, "counters", self.directory).splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


class Volume:
    def __init__(self, build, work, url):
        self.dray = os.path.join(build, "dray")
        self.work = work
        self.url = url
        self.mount = os.path.join(work, "mnt")
        self.caches = 0
        os.makedirs(self.mount)
        run(self.dray, "init", url, stdout=subprocess.DEVNULL)
        self.open()

    def open(self):
        """Mounts with an empty cache."""
        self.caches += 1
        cache = os.path.join(self.work, f"cache{self.caches}")
        run(self.dray, "mount", self.url, self.mount, "--cache", cache)

    def wait(self):
        run(self.dray, "wait", self.mount, stderr=subprocess.DEVNULL)

    def status(self):
        return json.loads(output(self.dray, "status", self.mount, "--json"))

    def close(self):
        run(self.dray, "umount", self.mount, stdout=subprocess.DEVNULL)

    def resident_kib(self):
        """RssAnon of the gateway process."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                if words[0].endswith(b"dray") and self.mount.encode() in words:
                    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                        for line in file:
                            if line.startswith("RssAnon"):
                                return int(line.split()[1])
            except OSError:
                continue
        return -1


class Meter:
    """Difference of the server's counters over a block."""

    def __init__(self, rgw):
        self.rgw = rgw

    def __enter__(self):
        self.before = self.rgw.counters()
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
        after = self.rgw.counters()
        self.delta = {name: after[name] - self.before.get(name, 0) for name in after}

    def __getitem__(self, name):
        return self.delta[name]


def row(name, measured, goal, good):
    print(f"| {name} | {measured} | {goal} | {'yes' if good else 'NO'} |", flush=True)


def write_csv_files(directory, count):
    """Files of 4 KiB of order rows, as a warehouse program writes them: articles
    of a catalogue of 2,000 with their prices, random amounts."""
    rng = random.Random(1)
    catalogue = [(f"{rng.randrange(10**6):06d}", rng.choice(["PALLET", "BOX", "DRUM", "CRATE"]),
                  f"{rng.randrange(100, 99999) / 100:.2f}") for _ in range(2000)]
    os.makedirs(directory)
    for number in range(count):
        day = f"2026-{1 + number * 12 // count:02d}-{1 + number % 28:02d}"
        lines = []
        size = 0
        while size < 4096:
            article, unit, price = rng.choice(catalogue)
            line = f"{number:06d};{article};{day};{unit};{rng.randrange(1, 500)};{price}\n"
            lines.append(line)
            size += len(line)
        with open(os.path.join(directory, f"order{number:06d}.csv"), "w",
                  encoding="ascii") as file:
            file.write("".join(lines)[:4096])


def make_tar(path):
    """Mixed files of this machine (programs, libraries, texts) up to TAR_BYTES."""
    total = 0
    with tarfile.open(path, "w") as tar:
        for top in ("/usr/bin", "/usr/share", "/usr/include", "/usr/lib"):
            for folder, folders, names in os.walk(top):
                folders.sort()
                for name in sorted(names):
                    file = os.path.join(folder, name)
                    if os.path.islink(file) or not os.path.isfile(file):
                        continue
                    size = os.path.getsize(file)
                    if size > 20_000_000:
                        continue
                    tar.add(file)
                    total += size
                    if total > TAR_BYTES:
                        return


def bench_small(volume, rgw):
    source = os.path.join(volume.work, "csv")
    write_csv_files(source, 2000)
    with Meter(rgw) as meter:
        shutil.copytree(source, os.path.join(volume.mount, "csv"))
        volume.wait()
    size = 2000 * 4096
    row("2,000 CSV files of 4 KiB: PUTs", meter["puts"], "<= 20", meter["puts"] <= 20)
    share = meter["bytes_in"] / size
    row("  bytes sent / bytes", f"{share:.2f}", "<= 0.33", share <= 1 / 3)
    row("  seconds until in the bucket", f"{meter.seconds:.1f}", "", True)


def bench_tar(volume, rgw):
    tar = os.path.join(volume.work, "mixed.tar")
    make_tar(tar)
    size = os.path.getsize(tar)
    with Meter(rgw) as meter:
        shutil.copy(tar, os.path.join(volume.mount, "mixed.tar"))
        volume.wait()
    share = meter["bytes_in"] / size
    row(f"tar of {size / 1e6:.0f} MB: bytes sent / bytes", f"{share:.3f}", "<= 0.45", share <= 0.45)
    row("  PUTs, seconds", f"{meter['puts']}, {meter.seconds:.1f}", "", True)


def bench_tar_again(volume, rgw):
    tar = os.path.join(volume.work, "mixed.tar")
    size = os.path.getsize(tar)
    with Meter(rgw) as meter:
        shutil.copy(tar, os.path.join(volume.mount, "again.tar"))
        volume.wait()
    share = meter["bytes_in"] / size
    row("the same tar again: bytes sent / bytes", f"{share:.4f}", "<= 0.01", share <= 0.01)


def bench_rewrites(volume, rgw):
    rng = random.Random(2)
    path = os.path.join(volume.mount, "mixed.tar")
    blocks = os.path.getsize(path) // 4096
    with Meter(rgw) as meter:
        fd = os.open(path, os.O_RDWR)
        for _ in range(200):
            os.pwrite(fd, rng.randbytes(4096), rng.randrange(blocks) * 4096)
        os.fsync(fd)
        os.close(fd)
        volume.wait()
    sent = meter["bytes_in"] / 1e6
    row("200 rewrites of 4 KiB in it, fsynced: MB sent", f"{sent:.2f}", "<= 4", sent <= 4)


def bench_rename(volume, rgw):
    with Meter(rgw) as meter:
        os.rename(os.path.join(volume.mount, "csv"), os.path.join(volume.mount, "orders"))
        volume.wait()
    requests = meter["requests"]
    row("rename of a directory of 2,000 files: requests", requests, "<= 3", requests <= 3)


def read_all(path):
    total = 0
    with open(path, "rb", buffering=0) as file:
        while block := file.read(1 << 20):
            total += len(block)
    return total


def bench_cold_tar(volume, rgw):
    volume.close()
    volume.open()
    with Meter(rgw) as meter:
        size = read_all(os.path.join(volume.mount, "again.tar"))
    row("cold read of the tar: MB/s", f"{size / 1e6 / meter.seconds:.0f}", "rclone 282", True)
    row("  GETs", meter["gets"], "", True)


def bench_cold_small(volume, rgw):
    volume.close()
    volume.open()
    folder = os.path.join(volume.mount, "orders")
    with Meter(rgw) as meter:
        for name in sorted(os.listdir(folder)):
            read_all(os.path.join(folder, name))
    row("cold read of 2,000 small files: seconds", f"{meter.seconds:.2f}", "<= 1",
        meter.seconds <= 1)
    row("  GETs", meter["gets"], "<= 20", meter["gets"] <= 20)


def bench_memory(volume, rgw):
    del rgw
    folder = os.path.join(volume.mount, "many")
    for top in range(100):
        os.makedirs(os.path.join(folder, f"{top:02d}"))
        for number in range(1000):
            with open(os.path.join(folder, f"{top:02d}", f"{number:04d}"), "wb") as file:
                file.write(b"%08d" % (top * 1000 + number) * 16)
    volume.wait()
    resident = volume.resident_kib() / 1024
    row("memory after copying 100,000 files: RssAnon MiB", f"{resident:.0f}", "< 100",
        0 < resident < 100)


ROWS = {
    "small": bench_small,
    "tar": bench_tar,
    "tar-again": bench_tar_again,
    "rewrites": bench_rewrites,
    "rename": bench_rename,
    "cold-tar": bench_cold_tar,
    "cold-small": bench_cold_small,
    "memory": bench_memory,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work")
    parser.add_argument("--only", default=",".join(ROWS))
    options = parser.parse_args()
    work = tempfile.mkdtemp(prefix="dray-bench.", dir=options.work)
    rgw = Rgw()
    volume = None
    try:
        url = os.environ["DRAY_TEST_S3_URL"].rstrip("/") + "/bench"
        volume = Volume(os.path.abspath(options.build), work, url)
        print("| figure | measured | goal | reached |\n|---|---|---|---|")
        for name in options.only.split(","):
            ROWS[name](volume, rgw)
    finally:
        if volume:
            subprocess.run([volume.dray, "umount", volume.mount], check=False,
                           stdout=subprocess.DEVNULL)
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
