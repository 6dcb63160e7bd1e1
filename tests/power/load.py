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

import operations

FILES_MAX = 30
SIZE_MAX = 100000
BULK_BYTES = 3 << 20
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


class Files(Worker):
    """All operations on files, with all the ways to make them durable."""

    syncs = SYNCS
    sync_share = 0.4

    def prepare(self):
        self.sizes = {}
        self.do(operations.Mkdir(path=self.name))
        self.do(operations.Mkdir(path=self.name + "/sub"))

    def how(self):
        return self.rng.choice(self.syncs) if self.rng.random() < self.sync_share else None

    def length(self):
        return self.rng.choice([1, 700, 4096, 5000, 20000, 90000])

    def new_path(self):
        return f"{self.name}/{self.rng.choice(('', 'sub/'))}{self.number}"

    def create(self):
        path, length = self.new_path(), self.length()
        self.do(operations.Create(path=path, seed=self.rng.random(), length=length,
                                  how=self.how()))
        self.sizes[path] = length

    def rewrite(self, path):
        length = self.length()
        self.do(operations.Rewrite(path=path, seed=self.rng.random(), length=length,
                                   how=self.how()))
        self.sizes[path] = length

    def overwrite(self, path):
        offset = self.rng.randrange(self.sizes[path] + 1)
        length = min(self.length(), max(1, self.sizes[path] - offset))
        self.do(operations.Overwrite(path=path, seed=self.rng.random(), offset=offset,
                                     length=length, how=self.how()))
        self.sizes[path] = max(self.sizes[path], offset + length)

    def append(self, path):
        length = self.length()
        if self.sizes[path] + length > SIZE_MAX:
            return self.truncate(path)
        self.do(operations.Append(path=path, seed=self.rng.random(), offset=self.sizes[path],
                                  length=length, how=self.how()))
        self.sizes[path] += length

    def truncate(self, path):
        length = self.rng.randrange(self.sizes[path] + 5000)
        self.do(operations.Truncate(path=path, length=length))
        self.sizes[path] = length

    def msync(self, path):
        if not self.sizes[path] or not self.syncs:
            return
        page = self.rng.randrange((self.sizes[path] + 4095) // 4096) * 4096
        length = min(4096, self.sizes[path] - page)
        self.do(operations.Msync(path=path, seed=self.rng.random(), offset=page, length=length))

    def replace(self, path):
        length = self.length()
        self.do(operations.Replace(path=path, seed=self.rng.random(), length=length,
                                   how=self.how()))
        self.sizes[path] = length

    def rename(self, path):
        new = self.new_path()
        self.do(operations.Rename(path=path, new=new))
        self.sizes[new] = self.sizes.pop(path)

    def unlink(self, path):
        self.do(operations.Unlink(path=path))
        del self.sizes[path]

    def sync_directory(self):
        if self.syncs:
            path = self.rng.choice((self.name, self.name + "/sub"))
            self.do(operations.SyncDirectory(path=path))

    def step(self):
        if len(self.sizes) < 3:
            return self.create()
        path = self.rng.choice(sorted(self.sizes))
        if len(self.sizes) > FILES_MAX:
            return self.unlink(path)
        kinds = {self.create: 20, self.rewrite: 12, self.overwrite: 15, self.append: 15,
                 self.truncate: 5, self.msync: 8, self.replace: 12, self.rename: 8,
                 self.unlink: 5, self.sync_directory: 4}
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        if kind in (self.create, self.sync_directory):
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
