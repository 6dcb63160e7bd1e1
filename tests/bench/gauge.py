# SPDX-License-Identifier: Apache-2.0
"""A gateway that is watched: what it and its cache take, as time goes on."""

import os
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
import control  # noqa: E402

MIB = 1 << 20


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


def memory(pid):
    """RssAnon and RssFile of a process, in bytes."""
    fields = {}
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            name, _, rest = line.partition(":")
            fields[name] = rest.split()
    return tuple(int(fields[name][0]) * 1024 for name in ("RssAnon", "RssFile"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Gateway:
    """A volume at url, mounted below work; build/dray serves it."""

    def __init__(self, build, work, url, options=""):
        self.dray = os.path.join(os.path.realpath(build), "dray")
        self.url, self.options = url, options
        self.mount, self.cache = os.path.join(work, "mnt"), os.path.join(work, "cache")
        self.log = os.path.join(work, "gateway.log")
        os.makedirs(self.mount, exist_ok=True)

    def run(self, *words, check=True):
        return subprocess.run((self.dray,) + words, check=check, stdout=subprocess.DEVNULL,
                              stderr=None if check else subprocess.DEVNULL).returncode

    def init(self):
        self.run("init", self.url)

    def start(self, cache=None):
        self.run("mount", self.url, self.mount, "--cache", cache or self.cache, "-o",
                 f"log={self.log}" + ("," if self.options else "") + self.options)

    def stop(self):
        self.run("umount", self.mount)

    def wait(self):
        subprocess.run([self.dray, "wait", self.mount], check=True, stderr=subprocess.DEVNULL)

    def ask(self, verb):
        sock = control.connect(self.cache)
        try:
            return list(control.ask(sock, {"verb": verb}))[-1]
        finally:
            sock.close()

    def status(self):
        answer = self.ask("status")
        return answer.get("status", answer)

    def pid(self):
        return self.ask("ping")["pid"]


STATUS = ("dirty_bytes", "cache_used_bytes", "cache_limit_bytes", "upload_bytes_per_second",
          "uploads_in_flight", "committed_seq")
NAMES = ("seconds", "phase", "pid", "du_bytes", "rss_anon_bytes", "rss_file_bytes",
         "descriptors") + STATUS


class Gauge(threading.Thread):
    """Samples a gateway all the time; while there is none, nothing."""

    def __init__(self, gateway, period_s, path=None):
        super().__init__(daemon=True)
        self.gateway, self.period_s, self.phase = gateway, period_s, ""
        self.rows, self.done = [], threading.Event()
        self.begun = time.monotonic()
        # pylint: disable-next=consider-using-with
        self.csv = open(path, "w", encoding="ascii") if path else None
        if self.csv:
            print(*NAMES, sep=",", file=self.csv)

    def sample(self):
        usage = disk_usage(self.gateway.cache)
        status, pid = self.gateway.status(), self.gateway.pid()
        row = dict(zip(NAMES, (time.monotonic() - self.begun, self.phase, pid, usage,
                               *memory(pid), descriptors(pid))))
        row.update({name: status[name] for name in STATUS})
        self.rows.append(row)
        if self.csv:
            print(*(f"{row[name]:.2f}" if name == "seconds" else row[name] for name in NAMES),
                  sep=",", file=self.csv, flush=True)
        return row

    def run(self):
        while not self.done.wait(self.period_s):
            try:
                self.sample()
            except (OSError, EOFError, KeyError, ValueError):
                pass  # it is not there, or just going

    def stop(self):
        self.done.set()
        self.join()

    def most(self, name, phase=None):
        return max((row[name] for row in self.rows if phase in (None, row["phase"])), default=0)

    def print_phases(self):
        """How much of the limit was taken in each phase."""
        print(f"{'phase':24} {'samples':>8} {'most du':>12} {'most told':>12} {'of the limit':>13}"
              f" {'most dirty':>12}")
        for phase in dict.fromkeys(row["phase"] for row in self.rows):
            rows = [row for row in self.rows if row["phase"] == phase]
            share = max(row["du_bytes"] / max(1, row["cache_limit_bytes"]) for row in rows)
            print(f"{phase:24} {len(rows):8,} {self.most('du_bytes', phase) / MIB:8,.1f} MiB "
                  f"{self.most('cache_used_bytes', phase) / MIB:8,.1f} MiB {100 * share:11.1f} % "
                  f"{self.most('dirty_bytes', phase) / MIB:8,.1f} MiB")
