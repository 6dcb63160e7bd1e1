#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Load on a mount whose gateway may be replaced at any moment, and its judge.

    fighter.py run DIR NAME LEDGER     until the mount takes no changes any more
    fighter.py judge DIR LEDGER...     what was confirmed is there

run writes files DIR/NAME.<n>, overwrites, renames and removes some, and now and
then waits for the cloud. The ledger has a line "? <sha256> <name>" before each
change ("-": the name goes), and "!" when dray wait confirmed all before it. So a
name must be as it was when it was last confirmed, or as a later change made it.
$DRAY is the command.
"""
import hashlib
import os
import random
import subprocess
import sys

EMPTY = hashlib.sha256(b"").hexdigest()


class Fighter:
    def __init__(self, top, name, ledger):
        self.top, self.name, self.ledger = top, name, ledger
        self.rng = random.Random(name)
        self.names, self.number = {}, 0

    def note(self, digest, name):
        self.ledger.write(f"? {digest} {name}\n")
        self.ledger.flush()

    def write(self, name):
        data = self.rng.randbytes(self.rng.choice([10, 3000, 70000]))
        self.names[name] = hashlib.sha256(data).hexdigest()
        self.note(EMPTY, name)  # between open(2) and close(2)
        self.note(self.names[name], name)
        with open(f"{self.top}/{name}", "wb") as file:
            file.write(data)

    def step(self):
        old = self.rng.choice(sorted(self.names)) if self.names else None
        kind = self.rng.randrange(6)
        if kind == 0 and old:
            self.write(old)
        elif kind == 1 and old:
            new = f"{old}r"
            self.note("-", old)
            self.note(self.names[old], new)
            os.rename(f"{self.top}/{old}", f"{self.top}/{new}")
            self.names[new] = self.names.pop(old)
        elif kind == 2 and old:
            self.note("-", old)
            os.unlink(f"{self.top}/{old}")
            del self.names[old]
        else:
            self.number += 1
            self.write(f"{self.name}.{self.number}")

    def run(self):
        try:
            while True:
                for _ in range(self.rng.randrange(1, 12)):
                    self.step()
                done = subprocess.run([os.environ["DRAY"], "wait", self.top, "--timeout", "60"],
                                      capture_output=True, check=False)
                if done.returncode == 1:
                    return  # fenced, or unmounted
                if done.returncode == 0:
                    self.ledger.write("!\n")
                    self.ledger.flush()
        except OSError:
            pass  # read-only, or gone


def digest_of(path):
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        return "-"


def judge(top, ledgers):
    names = confirmed = 0
    for path in ledgers:
        may_be = {}
        with open(path, encoding="utf-8") as ledger:
            for line in ledger:
                if line[0] == "!":
                    confirmed += 1
                    may_be = {name: digests[-1:] for name, digests in may_be.items()}
                else:
                    _, digest, name = line.split()
                    may_be.setdefault(name, ["-"]).append(digest)
        for name, digests in may_be.items():
            names += 1
            if digest_of(f"{top}/{name}") not in digests:
                sys.exit(f"{path}: {name} is not what was confirmed, nor anything later")
    print(f"{names} names, {confirmed} confirmations")


if __name__ == "__main__":
    if sys.argv[1] == "run":
        with open(sys.argv[4], "w", encoding="utf-8") as out:
            Fighter(sys.argv[2], sys.argv[3], out).run()
    else:
        judge(sys.argv[2], sys.argv[3:])
