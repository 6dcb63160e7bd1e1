#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
r"""Hours of a mixed load on a store that fails, with what the gateway takes.

    DRAY_TEST_TOOLS=build/release/tests/lib tests/lib/with_rgw.sh --faults \
        tests/bench/soak.py [HOURS] [--build build/release] [--work DIR] [--cache 512]
            [--unit SECONDS] [--lives 3] [--csv soak.csv]

Programs make, overwrite, append to, rename, read and remove files, each in a
directory of its own, and know what must be there. Meanwhile, unit by unit (60 s),
the store is well, slow, full of errors, away for minutes; and the gateway is killed
or unmounted --lives times in all, so that the curves of one life are long. In the
end all must arrive, and a restore on an empty cache must hold what the programs
know. Memory, descriptors and disk go to the CSV; printed is how each life began and
ended. Exit status 1: bytes were wrong or missing, or the cache was above its limit.
"""

import argparse
import hashlib
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

import gauge
from gauge import MIB

WORKERS = 4
FILES_MAX = 300
SCHEDULE = (("well", 3, ""), ("slow", 1, "bw_up=4000000&bw_down=4000000&latency=100"),
            ("well", 1, ""), ("errors", 1, "p_503=0.1&p_rst_up=0.05&p_lost=0.05&p_500=0.05"),
            ("away", 2, "down=1"), ("well", 2, ""))


def content(seed, length):
    """Half of it compresses."""
    source = random.Random(seed)
    return (source.randbytes(length - length // 2) + bytes(length // 2))[:length]


class Files:
    """The files of one program: what it did, and what must be there for it."""

    def __init__(self, top, number):
        self.top, self.source = top, random.Random(number)
        self.known, self.unsure, self.wrong, self.turn = {}, set(), [], number << 32

    def path(self, name):
        return os.path.join(self.top, name)

    def make(self):
        self.turn += 1
        name = f"d{self.turn % 7}/f{self.turn:x}"
        length = self.source.choice((100, 4000, 30000, 200000, 2 * MIB, 20 * MIB))
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        self.unsure.add(name)
        data = content(self.turn, length)
        with open(self.path(name), "wb", buffering=0) as file:
            for at in range(0, length, MIB):
                file.write(data[at:at + MIB])
        self.settle(name, data)

    def settle(self, name, data):
        self.known[name] = (len(data), hashlib.sha256(data).digest())
        self.unsure.discard(name)

    def pick(self):
        return self.source.choice(list(self.known)) if self.known else None

    def read(self, name=None):
        name = name or self.pick()
        if not name:
            return
        with open(self.path(name), "rb") as file:
            data = file.read()
        if (len(data), hashlib.sha256(data).digest()) != self.known[name]:
            self.wrong.append(f"{name}: {len(data)} bytes, not what was written")

    def overwrite(self):
        name = self.pick()
        if not name:
            return
        with open(self.path(name), "rb") as file:
            data = bytearray(file.read())
        self.unsure.add(name)
        self.known.pop(name)
        with open(self.path(name), "r+b", buffering=0) as file:
            for _ in range(5):
                at = self.source.randrange(len(data))
                piece = self.source.randbytes(4096)[:len(data) - at]
                data[at:at + len(piece)] = piece
                file.seek(at)
                file.write(piece)
            if self.source.random() < 0.5:
                os.fsync(file.fileno())
        self.settle(name, bytes(data))

    def rename(self):
        name = self.pick()
        if not name:
            return
        new = name + "r"
        self.unsure |= {name, new}
        known = self.known.pop(name)
        os.rename(self.path(name), self.path(new))
        self.known[new] = known
        self.unsure -= {name, new}

    def remove(self):
        name = self.pick()
        if not name:
            return
        self.known.pop(name)
        self.unsure.add(name)
        os.unlink(self.path(name))
        self.unsure.discard(name)

    def step(self):
        if len(self.known) > FILES_MAX:
            self.remove()
        else:
            self.source.choice((self.make, self.make, self.read, self.read, self.overwrite,
                                self.rename, self.remove))()


def work(mount, number, stop, results):
    """Until stop; when the gateway is gone, until it is there again."""
    files = Files(os.path.join(mount, f"worker{number}"), number)
    steps, errors = 0, {}
    while not stop.is_set():
        try:
            if not os.path.ismount(mount):
                raise OSError("not mounted")
            os.makedirs(files.top, exist_ok=True)
            files.step()
            steps += 1
            time.sleep(0.05)
        except OSError as error:
            errors[str(error.strerror or error)] = errors.get(str(error.strerror or error), 0) + 1
            time.sleep(1)
    results.put((number, files.known, files.unsure, files.wrong, steps, errors))


def set_faults(settings):
    control = os.environ["DRAY_TEST_FAULT_CONTROL"]
    urllib.request.urlopen(f"{control}/?reset").read()
    if settings:
        urllib.request.urlopen(f"{control}/?{settings}").read()


def renew(gateway, how):
    """The gateway ends and another begins."""
    if how == "killed":
        pid = gateway.pid()
        os.kill(pid, 9)
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.05)
        subprocess.run(["umount", "-l", gateway.mount], check=False)
    elif gateway.run("umount", gateway.mount, check=False):
        return renew(gateway, "killed")  # files are open
    gateway.start()
    return how


def play(args, gateway, watch):
    """The schedule, over and over."""
    begun = time.monotonic()
    end = begun + args.hours * 3600
    lives, life_s = 1, args.hours * 3600 / args.lives
    while time.monotonic() < end:
        for phase, units, faults in SCHEDULE:
            until = min(end, time.monotonic() + units * args.unit)
            watch.phase = phase
            set_faults(faults)
            while time.monotonic() < until:
                time.sleep(min(1, until - time.monotonic()))
                if lives < args.lives and time.monotonic() > begun + lives * life_s:
                    how = renew(gateway, "killed" if lives % 2 else "unmounted")
                    print(f"after {time.monotonic() - begun:,.0f} s, store {phase}: {how}, "
                          "mounted again", flush=True)
                    lives += 1
    set_faults("")


def check(gateway, work_done, cache):
    """A restore holds what the programs know."""
    gateway.start(cache)
    wrong = []
    for number, known, _, _, _, _ in work_done:
        files = Files(os.path.join(gateway.mount, f"worker{number}"), number)
        files.known = known
        for name in known:
            try:
                files.read(name)
            except OSError as error:
                wrong.append(f"{name}: {error}")
        wrong += files.wrong
    gateway.stop()
    return wrong


def print_lives(rows):
    """The first and the last tenth of each life."""
    print(f"{'life':>4} {'minutes':>8} {'RssAnon MiB, begin':>19} {'end':>7} {'most':>7} "
          f"{'descriptors, begin':>19} {'end':>5} {'most':>5}")
    for number, pid in enumerate(dict.fromkeys(row["pid"] for row in rows)):
        life = [row for row in rows if row["pid"] == pid]
        tenth = max(1, len(life) // 10)

        def mean(name, part):
            return sum(row[name] for row in part) / len(part)

        first, last = life[tenth:2 * tenth] or life, life[-tenth:]
        print(f"{number + 1:4} {(life[-1]['seconds'] - life[0]['seconds']) / 60:8.1f} "
              f"{mean('rss_anon_bytes', first) / MIB:19.1f} "
              f"{mean('rss_anon_bytes', last) / MIB:7.1f} "
              f"{max(row['rss_anon_bytes'] for row in life) / MIB:7.1f} "
              f"{mean('descriptors', first):19.1f} {mean('descriptors', last):5.1f} "
              f"{max(row['descriptors'] for row in life):5}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hours", type=float, nargs="?", default=1)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work")
    parser.add_argument("--cache", type=int, default=512)
    parser.add_argument("--unit", type=float, default=60)
    parser.add_argument("--lives", type=int, default=3)
    parser.add_argument("--csv")
    args = parser.parse_args()
    top = tempfile.mkdtemp(prefix="dray-soak.", dir=args.work)
    gateway = gauge.Gateway(args.build, top, os.environ["DRAY_TEST_S3_URL"],
                            f"cache-size={args.cache}M")
    gateway.init()
    gateway.start()
    watch = gauge.Gauge(gateway, 2, args.csv)
    watch.start()
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    workers = [multiprocessing.Process(target=work, args=(gateway.mount, number, stop, results))
               for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    play(args, gateway, watch)
    stop.set()
    work_done = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    watch.phase = "draining"
    gateway.wait()
    watch.stop()
    gateway.stop()
    wrong = [text for done in work_done for text in done[3]]
    wrong += check(gateway, work_done, os.path.join(top, "restored"))
    watch.print_phases()
    print_lives(watch.rows)
    for number, known, unsure, _, steps, errors in work_done:
        print(f"program {number}: {steps:,} steps, {len(known)} files in the end, "
              f"{len(unsure)} unsure, errors {errors}")
    print(*wrong[:20], sep="\n")
    print(f"{len(wrong)} files wrong or missing")
    subprocess.run(["rm", "-rf", top], check=True)
    return bool(wrong) or watch.most("du_bytes") > args.cache * MIB


if __name__ == "__main__":
    sys.exit(main())
