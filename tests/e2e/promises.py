# SPDX-License-Identifier: Apache-2.0
"""Writers that note what they were promised, and a check of all notes.

    promises.py write DIR NOTES ROUND   works in DIR until it is gone
    promises.py check DIR NOTES         compares DIR with the notes

A note is a line of JSON in NOTES/<round>.<worker>, written after the call that
promised: ["file", path, size, seed] the file has these bytes, ["gone", path],
["dir", path]. An operation under way at the end is noted before it begins as
["maybe", path]: its path is not looked at.
"""
import json
import os
import random
import sys
import threading

WORKERS = 4


def content(size, seed):
    return random.Random(seed).randbytes(size)


class Worker:
    def __init__(self, top, notes, round, number):
        self.top = top
        self.prefix = f"{round}.{number}"
        self.notes = open(os.path.join(notes, self.prefix), "w", buffering=1)
        self.rng = random.Random(self.prefix)
        self.files = []

    def note(self, *words):
        self.notes.write(json.dumps(words) + "\n")

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name):
        size, seed = self.rng.choice([0, 10, 5000, 200000]), self.rng.random()
        self.note("maybe", name)
        fd = os.open(self.path(name), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, content(size, seed))
            if self.rng.random() < 0.3:
                os.fsync(fd)
        finally:
            os.close(fd)
        self.note("file", name, size, seed)
        return size, seed

    def create(self):
        name = f"{self.prefix}.{len(self.files)}"
        self.files.append((name, *self.write(name)))

    def replace(self):
        """The way editors save: a temporary file, moved over the old one."""
        old, size, seed = self.files.pop()
        temporary = old + ".tmp"
        size, seed = self.write(temporary)
        self.note("maybe", old)
        self.note("maybe", temporary)
        os.rename(self.path(temporary), self.path(old))
        self.note("file", old, size, seed)
        self.note("gone", temporary)
        self.files.append((old, size, seed))

    def remove(self):
        name, *_ = self.files.pop(0)
        self.note("maybe", name)
        os.unlink(self.path(name))
        self.note("gone", name)

    def directory(self):
        name = f"{self.prefix}.d{self.rng.random()}"
        self.note("maybe", name)
        os.mkdir(self.path(name))
        self.note("dir", name)

    def run(self):
        try:
            while True:
                self.create()
                if self.rng.random() < 0.5:
                    self.rng.choice([self.replace, self.remove, self.directory])()
        except OSError:
            pass  # the gateway is gone


def write(top, notes, round):
    workers = [Worker(top, notes, round, number) for number in range(WORKERS)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def complaint(path, note):
    """What is wrong with the path, or None."""
    if note[0] == "maybe":
        return None
    if note[0] == "gone":
        return "is there" if os.path.lexists(path) else None
    if note[0] == "dir":
        return None if os.path.isdir(path) else "is no directory"
    try:
        with open(path, "rb") as file:
            found = file.read()
    except OSError as error:
        return str(error)
    if found != content(note[2], note[3]):
        return f"has {len(found)} bytes that are not the {note[2]} written"
    return None


def check(top, notes):
    last = {}
    for name in os.listdir(notes):
        with open(os.path.join(notes, name)) as lines:
            for line in lines:
                if line.endswith("\n"):
                    note = json.loads(line)
                    last[note[1]] = note
    broken = 0
    for name, note in last.items():
        wrong = complaint(os.path.join(top, name), note)
        if wrong:
            print(f"{name} {wrong}; promised: {note}")
            broken += 1
    print(f"{len(last)} promises, {broken} broken")
    return 1 if broken else 0


def main(verb, top, notes, round=None):
    if verb == "write":
        write(top, notes, round)
        return 0
    return check(top, notes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
