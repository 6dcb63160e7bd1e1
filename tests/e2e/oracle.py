# SPDX-License-Identifier: Apache-2.0
"""A load of several programs, and an oracle of what they were promised.

    oracle.py load DIR NOTES ROUND    works in DIR until the gateway is gone
    oracle.py check DIR NOTES         compares DIR with the notes

Every worker has a directory of its own in DIR and a note in NOTES, replaced
after each promise: the state that must be found, and the one other state that
may be found, for the operation that was under way when the gateway died. The
notes go on from round to round.
"""
import hashlib
import json
import os
import random
import shutil
import sqlite3
import sys
import threading


def content(seed, size):
    return random.Random(seed).randbytes(size)


class Note:
    """What a worker was promised, in a file outside the volume."""

    def __init__(self, notes, name):
        self.path = os.path.join(notes, name)
        self.state = {}
        if os.path.exists(self.path):
            with open(self.path) as file:
                self.state = json.load(file)

    def put(self, **changes):
        self.state.update(changes)
        if not changes.get("under_way"):
            self.state["promises"] = self.state.get("promises", 0) + 1
        with open(self.path + ".new", "w") as file:
            json.dump(self.state, file)
        os.replace(self.path + ".new", self.path)


class Files:
    """Small files that come, are replaced by rename, move between directories
    and go. State: name -> [seed, size]; under way: the names that may be either."""

    name = "files"

    def __init__(self, top, notes):
        self.top = os.path.join(top, self.name)
        self.note = Note(notes, self.name)

    def path(self, name):
        return os.path.join(self.top, name)

    def prepare(self):
        for directory in ("a", "b"):
            os.makedirs(self.path(directory), exist_ok=True)
        self.files = self.note.state.get("files", {})
        # What was under way is settled by what is there now.
        for name, wanted in self.note.state.get("under_way", {}).items():
            found = os.path.lexists(self.path(name))
            if wanted and found and matches(self.path(name), wanted):
                self.files[name] = wanted
            elif not found:
                self.files.pop(name, None)
            elif name not in self.files:
                os.unlink(self.path(name))
        self.note.put(files=self.files, under_way={})

    def write(self, name, rng, seed):
        size = rng.choice([0, 30, 4000, 30000, 300000])
        fd = os.open(self.path(name), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, content(seed, size))
        finally:
            os.close(fd)
        return [seed, size]

    def step(self, rng):
        seed = rng.getrandbits(32)
        kind = rng.random()
        if kind < 0.5 or not self.files:
            name = f"{rng.choice('ab')}/{seed}"
            self.note.put(under_way={name: None})
            self.files[name] = self.write(name, rng, seed)
        elif kind < 0.7:
            old = rng.choice(sorted(self.files))
            new = f"{old}.new"
            self.note.put(under_way={new: None})
            made = self.write(new, rng, seed)
            self.note.put(under_way={new: None, old: made})
            os.rename(self.path(new), self.path(old))
            self.files[old] = made
        elif kind < 0.9:
            old = rng.choice(sorted(self.files))
            new = f"{rng.choice('ab')}/{seed}"
            self.note.put(under_way={old: None, new: self.files[old]})
            os.rename(self.path(old), self.path(new))
            self.files[new] = self.files.pop(old)
        else:
            old = rng.choice(sorted(self.files))
            self.note.put(under_way={old: None})
            os.unlink(self.path(old))
            del self.files[old]
        self.note.put(files=self.files, under_way={})

    def complaints(self):
        under_way = self.note.state.get("under_way", {})
        files = self.note.state.get("files", {})
        for name, wanted in files.items():
            if matches(self.path(name), wanted):
                continue
            if name not in under_way:
                yield f"{name} is not what was written: {wanted}"
            elif under_way[name] and not matches(self.path(name), under_way[name]) \
                    and os.path.lexists(self.path(name)):
                yield f"{name} is neither old nor new"
        for directory in ("a", "b"):
            if not os.path.isdir(self.path(directory)):
                if files:
                    yield f"directory {directory} is gone"
                continue
            for entry in os.listdir(self.path(directory)):
                name = f"{directory}/{entry}"
                if name not in files and name not in under_way:
                    yield f"{name} is there, but was removed"
        yield from self.vanished(files, under_way)

    def vanished(self, files, under_way):
        """A rename under way: its file is at the one name or at the other."""
        targets = [name for name, wanted in under_way.items() if wanted and name not in files]
        for target in targets:
            wanted = under_way[target]
            places = [name for name in under_way if matches(self.path(name), wanted)]
            if len(places) != 1:
                yield f"{target}: a rename left the file at {places}"


def matches_bytes(path, wanted):
    try:
        with open(path, "rb") as file:
            return file.read() == wanted
    except FileNotFoundError:
        return False


def matches(path, wanted):
    return matches_bytes(path, content(*wanted))


class Log:
    """A file that grows line by line, closed each time, fsynced at times."""

    name = "log"

    def __init__(self, top, notes):
        self.path = os.path.join(top, self.name)
        self.note = Note(notes, self.name)

    def prepare(self):
        self.lines = self.note.state.get("lines", 0)
        # A line under way is taken or cut off.
        wanted = len(self.text(self.lines))
        if self.lines or os.path.exists(self.path):
            os.truncate(self.path, wanted)

    def text(self, lines):
        return b"".join(b"line %d of the log\n" % number for number in range(lines))

    def step(self, rng):
        fd = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, b"line %d of the log\n" % self.lines)
            if rng.random() < 0.2:
                os.fsync(fd)
        finally:
            os.close(fd)
        self.lines += 1
        self.note.put(lines=self.lines)

    def complaints(self):
        lines = self.note.state.get("lines", 0)
        if not lines:
            return
        with open(self.path, "rb") as file:
            found = file.read()
        if found not in (self.text(lines), self.text(lines + 1)):
            # Size and bytes of a write under way: a prefix of the next line.
            if not (found.startswith(self.text(lines)) and
                    self.text(lines + 1).startswith(found)):
                yield f"log: {len(found)} bytes instead of {len(self.text(lines))}"


class Overwrites:
    """A file that is overwritten in place, a few cells at a time."""

    name = "overwrites"
    cells = 200
    cell_bytes = 1500  # pages begin in the middle of it

    def __init__(self, top, notes):
        self.path = os.path.join(top, self.name)
        self.note = Note(notes, self.name)

    def bytes_of(self, versions, first=0):
        return b"".join(content(f"{first + i} {version}", self.cell_bytes)
                        for i, version in enumerate(versions))

    def prepare(self):
        self.versions = self.note.state.get("versions")
        if self.versions:
            if matches_bytes(self.path, self.bytes_of(self.after())):
                self.versions = self.after()
        else:
            self.versions = [0] * self.cells
            with open(self.path, "wb") as file:
                file.write(self.bytes_of(self.versions))
        self.note.put(versions=self.versions, under_way=None)

    def after(self):
        """The versions with the write that is under way."""
        first, count, version = self.note.state.get("under_way") or (0, 0, 0)
        versions = self.note.state["versions"]
        return versions[:first] + [version] * count + versions[first + count:]

    def step(self, rng):
        count = rng.randrange(1, 6)
        first = rng.randrange(self.cells - count)
        self.note.put(under_way=[first, count, rng.getrandbits(32)])
        self.versions = self.after()
        fd = os.open(self.path, os.O_WRONLY | rng.choice([0, 0, os.O_DSYNC]))
        try:
            os.pwrite(fd, self.bytes_of(self.versions[first:first + count], first),
                      first * self.cell_bytes)
        finally:
            os.close(fd)
        self.note.put(versions=self.versions, under_way=None)

    def complaints(self):
        versions = self.note.state.get("versions")
        if versions and not any(matches_bytes(self.path, self.bytes_of(wanted))
                                for wanted in (versions, self.after())):
            yield "overwrites: a write that had returned is not there"


class Database:
    """Transactions of SQLite; each is there or not, those committed are."""

    name = "database"

    def __init__(self, top, notes):
        self.path = os.path.join(top, self.name)
        self.note = Note(notes, self.name)

    def prepare(self):
        self.connection = sqlite3.connect(self.path, check_same_thread=False)
        self.connection.execute("pragma synchronous=full")
        self.connection.execute("create table if not exists t (id integer primary key, x)")
        self.connection.commit()
        self.rows = self.connection.execute("select count(*) from t").fetchone()[0]
        self.note.put(rows=self.rows)

    def step(self, rng):
        self.connection.executemany("insert into t values (?, ?)", [
            (self.rows + i, hashlib.sha256(b"%d" % (self.rows + i)).hexdigest())
            for i in range(10)])
        self.connection.commit()
        self.rows += 10
        self.note.put(rows=self.rows)

    def complaints(self):
        rows = self.note.state.get("rows")
        if rows is None:
            return
        if not os.path.exists(self.path):
            yield "the database is gone"
            return
        connection = sqlite3.connect(self.path)
        check = connection.execute("pragma integrity_check").fetchone()[0]
        if check != "ok":
            yield f"database: {check}"
        found = connection.execute("select id, x from t order by id").fetchall()
        connection.close()
        if len(found) not in (rows, rows + 10):
            yield f"database: {len(found)} rows, {rows} were committed"
        for number, (key, value) in enumerate(found):
            if key != number or value != hashlib.sha256(b"%d" % number).hexdigest():
                yield f"database: row {number} is wrong"


class Tree:
    """A tree that is copied, renamed over and over, and removed."""

    name = "tree"

    def __init__(self, top, notes):
        self.top = os.path.join(top, self.name)
        self.note = Note(notes, self.name)

    def prepare(self):
        shutil.rmtree(self.top, ignore_errors=True)
        os.makedirs(self.top)
        self.number = 0
        self.note.put(at=None, under_way=None)

    def step(self, rng):
        old = f"{self.top}/{self.number}"
        if not self.number or rng.random() < 0.1:
            self.note.put(at=None, under_way=None)
            if self.number:
                shutil.rmtree(old)
            self.number += 1
            os.makedirs(f"{self.top}/{self.number}/sub")
            for i in range(10):
                with open(f"{self.top}/{self.number}/sub/{i}", "wb") as file:
                    file.write(content(i, 5000))
            os.link(f"{self.top}/{self.number}/sub/0", f"{self.top}/{self.number}/link")
            self.note.put(at=self.number, under_way=None)
            return
        self.note.put(under_way=self.number + 1)
        os.rename(old, f"{self.top}/{self.number + 1}")
        self.number += 1
        self.note.put(at=self.number, under_way=None)

    def complaints(self):
        at, under_way = self.note.state.get("at"), self.note.state.get("under_way")
        if not at:
            return
        found = sorted(os.listdir(self.top))
        if found not in ([str(at)], [str(under_way)]):
            yield f"tree: {found} instead of {at} or {under_way}"
            return
        for i in range(10):
            if not matches(f"{self.top}/{found[0]}/sub/{i}", [i, 5000]):
                yield f"tree: file {i} is not what was written"
        if os.stat(f"{self.top}/{found[0]}/link").st_nlink != 2:
            yield "tree: the hard link is none"


WORKERS = (Files, Log, Overwrites, Database, Tree)


def work(worker, rng, promised):
    try:
        while True:
            worker.step(rng)
            promised.set()
    except (OSError, sqlite3.Error):
        pass  # the gateway is gone


def load(top, notes, round):
    workers = [kind(top, notes) for kind in WORKERS]
    threads = []
    for worker in workers:
        worker.prepare()
    for worker in workers:
        promised = threading.Event()
        thread = threading.Thread(target=work, args=(
            worker, random.Random(f"{round} {worker.name}"), promised))
        thread.start()
        threads.append((thread, promised))
    for _, promised in threads:
        promised.wait()
    with open(os.path.join(notes, f"promised.{round}"), "w"):
        pass
    for thread, _ in threads:
        thread.join()


def check(top, notes):
    wrong = promises = 0
    for kind in WORKERS:
        worker = kind(top, notes)
        promises += worker.note.state.get("promises", 0)
        for complaint in worker.complaints():
            print(complaint)
            wrong += 1
    print(f"{promises} promises so far, {wrong} broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "load":
        load(*sys.argv[2:])
    else:
        sys.exit(check(*sys.argv[2:]))
