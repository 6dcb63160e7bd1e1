# SPDX-License-Identifier: Apache-2.0
"""Renames, all the time, and what may be left of them when the machine is lost.

    rename_load.py make DIR             makes the tree that the load begins with
    rename_load.py load DIR NOTES       works in DIR until the volume is gone
    rename_load.py check DIR NOTES      prints the time of the newest step found

The steps follow from a seed, so the check can go through them again: DIR must
be as it was after one of them, with the whole contents of every file, because
no step lets a file appear at a name before its bytes are due: it is renamed
over another with bytes, or fsynced before. (What is in DIR/tmp does not matter.)
NOTES, outside the volume, has a line for each step that had returned: its time.
"""
import os
import random
import sys
import time

DIRECTORIES = 8
FILES = 60


def content(version):
    rng = random.Random(version)
    return rng.randbytes(rng.choice([10, 3000, 5000, 60000, 300000]))


def write(path, version, sync):
    with open(path, "wb") as file:
        file.write(content(version))
        if sync:
            file.flush()
            os.fsync(file.fileno())


def beginning():
    """The tree at the beginning: path -> version."""
    return {f"d{i % DIRECTORIES}/f{i}": i for i in range(FILES)}


class Steps:
    """The steps of one seed. state: path -> version, after the last one."""

    def __init__(self):
        self.rng = random.Random(7)
        self.state = beginning()
        self.number = FILES

    def next(self):
        """One step more: what to do, as (kind, from, to, version)."""
        self.number += 1
        old = self.rng.choice(sorted(self.state))
        other = self.rng.choice(sorted(self.state))
        fresh = f"{os.path.dirname(other)}/n{self.number}"
        kind = self.rng.random()
        if kind < 0.4:
            self.state[old] = self.number
            return "replace", "tmp", old, self.number
        if kind < 0.6:
            self.state[fresh] = self.state.pop(old)
            return "rename", old, fresh, None
        if kind < 0.75 and old != other:
            self.state[other] = self.state.pop(old)
            return "rename", old, other, None
        if kind < 0.9:
            self.state[fresh] = self.number
            return "create", "tmp", fresh, self.number
        directory = os.path.dirname(old)
        for path in [path for path in self.state if os.path.dirname(path) == directory]:
            self.state[f"r{self.number}/{os.path.basename(path)}"] = self.state.pop(path)
        return "rename", directory, f"r{self.number}", None


def make(top):
    for i in range(DIRECTORIES):
        os.makedirs(f"{top}/d{i}")
    for path, version in beginning().items():
        write(f"{top}/{path}", version, False)


def load(top, notes):
    steps = Steps()
    with open(notes, "w", buffering=1) as file:
        try:
            while True:
                kind, source, target, version = steps.next()
                if kind != "rename":
                    write(f"{top}/tmp", version, kind == "create")
                os.rename(f"{top}/{source}", f"{top}/{target}")
                print(time.time(), file=file)
        except OSError:
            pass  # the volume is gone


def found(top):
    """The tree that is there: path -> bytes."""
    tree = {}
    for directory, _, files in os.walk(top):
        for name in files:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                tree[os.path.relpath(path, top)] = file.read()
    tree.pop("tmp", None)
    return tree


def check(top, notes):
    with open(notes) as file:
        times = [float(line) for line in file]
    tree = found(top)
    steps = Steps()
    names = None
    for number in range(-1, len(times) + 1):
        if number >= 0:
            steps.next()
        if steps.state.keys() != tree.keys():
            continue
        names = number
        if all(content(version) == tree[path] for path, version in steps.state.items()):
            print(times[min(max(number, 0), len(times) - 1)])
            return 0
    print(f"{top} is as it was after no step; its names are those after "
          f"{'none' if names is None else names + 1} of {len(times)}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit({"make": make, "load": load, "check": check}[sys.argv[1]](*sys.argv[2:]))
