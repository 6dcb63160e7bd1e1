# SPDX-License-Identifier: Apache-2.0
"""Programs that write in a volume until it is gone, and log what they do.

    load.py TOP LOG SEED

LOG is outside of the volume. It gets a line before each operation,
["begin", worker, number, kind, arguments], and one after it, ["end", worker,
number]. The lines of all workers are in one order: that of time.
"""
import json
import os
import random
import sqlite3
import sys
import threading

import history
import operations

FILES_MAX = 30
SIZE_MAX = 100000
BULK_BYTES = 3 << 20
DIRECT_BYTES = 4096
SYNCS = ("fsync", "fdatasync", "O_SYNC", "O_DSYNC")


class Log:
    def __init__(self, path):
        self.fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        self.lock = threading.Lock()

    def put(self, *words):
        line = json.dumps(words).encode() + b"\n"
        with self.lock:
            os.write(self.fd, line)


class Worker:
    def __init__(self, name, top, log, seed):
        self.name = name
        self.top = top + "/"
        self.log = log
        self.rng = random.Random(f"{seed} {name}")
        self.number = 0

    def do(self, operation):
        self.number += 1
        kind = type(operation).__name__
        self.log.put("begin", self.name, self.number, kind, operation.arguments)
        operation.call(self.top)
        self.log.put("end", self.name, self.number)

    def run(self):
        try:
            self.prepare()
            while True:
                self.step()
        except (OSError, ValueError, sqlite3.Error) as error:
            if not gone(self.top):
                print(f"{self.name}: {error}", file=sys.stderr)


def gone(top):
    """The gateway was killed: what the kernel still knows does not count."""
    try:
        os.listdir(top)
        return False
    except OSError:
        return True


class File:
    """What the load knows of a file."""

    def __init__(self, size):
        self.size = size


class Files(Worker):
    """All operations on files, with all the ways to make them durable."""

    syncs = SYNCS
    sync_share = 0.4

    def prepare(self):
        self.files = {}  # path -> File; hard links share one
        self.directory = "sub"
        self.do(operations.Mkdir(path=self.name))
        self.do(operations.Mkdir(path=f"{self.name}/{self.directory}"))

    def how(self):
        return self.rng.choice(self.syncs) if self.rng.random() < self.sync_share else None

    def length(self):
        return self.rng.choice([1, 700, 4096, 5000, 20000, 90000])

    def new_path(self):
        return f"{self.name}/{self.rng.choice(('', self.directory + '/'))}{self.number}"

    def create(self):
        path, length = self.new_path(), self.length()
        self.do(operations.Create(path=path, seed=self.rng.random(), length=length,
                                  how=self.how()))
        self.files[path] = File(length)

    def rewrite(self, path):
        length = self.length()
        self.do(operations.Rewrite(path=path, seed=self.rng.random(), length=length,
                                   how=self.how()))
        self.files[path].size = length

    def overwrite(self, path):
        offset = self.rng.randrange(self.files[path].size + 1)
        length = min(self.length(), max(1, self.files[path].size - offset))
        self.do(operations.Overwrite(path=path, seed=self.rng.random(), offset=offset,
                                     length=length, how=self.how()))
        self.files[path].size = max(self.files[path].size, offset + length)

    def append(self, path):
        length = self.length()
        if self.files[path].size + length > SIZE_MAX:
            return self.truncate(path)
        self.do(operations.Append(path=path, seed=self.rng.random(), offset=self.files[path].size,
                                  length=length, how=self.how()))
        self.files[path].size += length

    def overwrite_directly(self, path):
        size = self.files[path].size
        if size < DIRECT_BYTES:
            return self.append(path)
        pages = self.rng.randrange(1, size // DIRECT_BYTES + 1)
        first = self.rng.randrange(size // DIRECT_BYTES - pages + 1)
        self.do(operations.DirectOverwrite(
            path=path, seed=self.rng.random(), offset=first * DIRECT_BYTES,
            length=pages * DIRECT_BYTES,
            how=self.rng.choice(("fsync", "fdatasync", None)) if self.syncs else None))

    def truncate(self, path):
        length = self.rng.randrange(self.files[path].size + 5000)
        self.do(operations.Truncate(path=path, length=length))
        self.files[path].size = length

    def msync(self, path):
        if not self.files[path].size or not self.syncs:
            return
        page = self.rng.randrange((self.files[path].size + 4095) // 4096) * 4096
        length = min(4096, self.files[path].size - page)
        self.do(operations.Msync(path=path, seed=self.rng.random(), offset=page, length=length))

    def replace(self, path):
        length = self.length()
        self.do(operations.Replace(path=path, seed=self.rng.random(), length=length,
                                   how=self.how()))
        self.files[path] = File(length)

    def rename(self, path):
        new = self.new_path()
        self.do(operations.Rename(path=path, new=new))
        self.files[new] = self.files.pop(path)

    def rename_directory(self):
        old, self.directory = self.directory, f"sub{self.number}"
        self.do(operations.RenameDirectory(path=f"{self.name}/{old}",
                                           new=f"{self.name}/{self.directory}"))
        self.files = history.moved_names(self.files, f"{self.name}/{old}",
                                         f"{self.name}/{self.directory}")

    def link(self, path):
        new = self.new_path()
        self.do(operations.Link(path=path, new=new))
        self.files[new] = self.files[path]

    def set_xattr(self, path):
        how = "fsync" if self.syncs and self.rng.random() < self.sync_share else None
        self.do(operations.SetXattr(path=path, value=f"{self.number}", how=how))

    def unlink(self, path):
        self.do(operations.Unlink(path=path))
        del self.files[path]

    def sync_directory(self):
        if self.syncs:
            path = self.rng.choice((self.name, f"{self.name}/{self.directory}"))
            self.do(operations.SyncDirectory(path=path))

    def step(self):
        if len(self.files) < 3:
            return self.create()
        path = self.rng.choice(sorted(self.files))
        if len(self.files) > FILES_MAX:
            return self.unlink(path)
        kinds = {self.create: 20, self.rewrite: 12, self.overwrite: 15, self.append: 15,
                 self.overwrite_directly: 8, self.truncate: 5, self.msync: 8, self.replace: 12,
                 self.rename: 8, self.link: 5, self.set_xattr: 6, self.unlink: 8,
                 self.sync_directory: 4, self.rename_directory: 3}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        if kind in (self.create, self.sync_directory, self.rename_directory):
            kind()
        else:
            kind(path)


class Careless(Files):
    """Never waits for the disk. What it loses shows that the cuts are real."""

    syncs = ()
    sync_share = 0

    def step(self):
        if self.rng.random() < 0.02:
            path = f"{self.name}/bulk{self.number}"
            self.do(operations.Bulk(path=path, seed=self.rng.random(), length=BULK_BYTES, how=None))
            self.do(operations.Unlink(path=path))
        else:
            super().step()


class Database(Worker):
    """Transactions of SQLite. With a rollback journal a commit is durable when
    the journal is gone for good, which takes synchronous=extra."""

    def __init__(self, mode, *arguments):
        super().__init__(*arguments)
        self.mode = mode

    def prepare(self):
        self.connection = sqlite3.connect(self.top + self.name, check_same_thread=False)
        self.connection.execute(f"pragma journal_mode={self.mode}")
        self.connection.execute("pragma synchronous=" +
                                ("full" if self.mode == "wal" else "extra"))
        self.connection.execute("create table t (id integer primary key, x)")
        self.connection.commit()
        self.row = 0

    def step(self):
        insert = operations.Insert(row=self.row)
        insert.connection = self.connection
        self.do(insert)
        self.row += 10


def workers(top, log, seed):
    return [Files("files0", top, log, seed), Files("files1", top, log, seed),
            Careless("careless", top, log, seed),
            Database("delete", "rollback.sqlite", top, log, seed),
            Database("wal", "wal.sqlite", top, log, seed)]


def main(top, log, seed):
    threads = [threading.Thread(target=worker.run)
               for worker in workers(top, Log(log), seed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
