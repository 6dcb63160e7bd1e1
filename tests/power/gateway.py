# SPDX-License-Identifier: Apache-2.0
"""Mounts of the gateway under test ($DRAY), and machines that boot anew."""
import json
import os
import signal
import subprocess
import sys
import time
import uuid

import storage

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(HERE, "..", "e2e")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
OPTIONS = "upload-delay=100ms,takeover,allow_other"
CACHE_SIZE = "128M"


class Machine:
    """Boots, as far as a gateway can tell: the page cache is gone."""

    def __init__(self, work):
        self.file = os.path.join(work, "boot_id")
        self.boot()
        storage.run("mount", "--bind", self.file, BOOT_ID)

    def boot(self):
        with open(self.file, "w") as file:
            file.write(f"{uuid.uuid4()}\n")


class Gateway:
    def __init__(self, store, cache, directory, log, options="", environment=None):
        os.makedirs(directory, exist_ok=True)
        self.directory = directory
        self.cache = cache
        began = time.monotonic()
        storage.run(os.environ["DRAY"], "mount", "file://" + store, directory, "--cache", cache,
                    "--cache-size", CACHE_SIZE, "-o", f"log={log},{OPTIONS}{options}",
                    env={**os.environ, **(environment or {})})
        self.mount_seconds = time.monotonic() - began
        self.pid = self.ask("ping")["pid"]

    def ask(self, verb):
        return json.loads(storage.run(sys.executable, os.path.join(E2E, "control.py"),
                                      self.cache, verb))

    def pause(self):
        """Returns when no thread of it runs."""
        os.kill(self.pid, signal.SIGSTOP)
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            while not stopped(self.pid, thread):
                time.sleep(0.001)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{self.pid}/task") and not gone(self.pid):
            time.sleep(0.01)
        storage.run("umount", "-l", self.directory)

    def wait(self):
        storage.run(os.environ["DRAY"], "wait", self.directory, "--timeout", "120")

    def umount(self):
        storage.run(os.environ["DRAY"], "umount", self.directory)


def state_of(pid, thread):
    try:
        with open(f"/proc/{pid}/task/{thread}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def stopped(pid, thread):
    return state_of(pid, thread) in "TtXZ"


def gone(pid):
    try:
        return all(state_of(pid, thread) in "XZ" for thread in os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return True


def init_volume(store):
    os.makedirs(store)
    storage.run(os.environ["DRAY"], "init", "file://" + store)


def copy_store(store, target):
    """Objects are never changed in place: hard links are a copy."""
    storage.run("cp", "-al", store, target)


def tree(verb, directory, file):
    """Saves or checks all that a file system keeps of a tree."""
    return subprocess.run([sys.executable, os.path.join(E2E, "tree.py"), verb, directory, file],
                          capture_output=True, text=True)
