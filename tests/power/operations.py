# SPDX-License-Identifier: Apache-2.0
"""What the programs of the load do, each operation in two forms: the calls,
and the steps that these mean for the names and contents of a volume.

A step is one change that is there or not, never half:

    ("create", path)          an empty file with a new name
    ("mkdir", path)
    ("rename", old, new)
    ("rename_directory", old, new)
    ("link", path, new)
    ("unlink", path)
    ("xattr", path, value)    the value of XATTR
    ("data", path, change)    change(bytes) is the new content
    ("part", path, change)    likewise, but only on the way: what follows in
                              the operation belongs to it
    ("bulk", path, bytes)     a content that comes in parts, in any order

An operation promises something when it returns: `sync` is None, "file" (its
path is durable with all that came before it in the volume's order of names)
or "volume" (everything before is).
"""
import mmap
import os
import random

XATTR = "user.power"


def content(seed, length):
    return random.Random(seed).randbytes(length)


def write_at(offset, data):
    return lambda old: old[:offset].ljust(offset, b"\0") + data + old[offset + len(data):]


def cut_to(size):
    return lambda old: old[:size].ljust(size, b"\0")


def sync_fd(fd, how):
    if how == "fsync":
        os.fsync(fd)
    elif how == "fdatasync":
        os.fdatasync(fd)


def write_file(path, flags, how, data, offset=None):
    """One write(2) and close(2). how: None, fsync, fdatasync, O_SYNC, O_DSYNC."""
    flags |= {"O_SYNC": os.O_SYNC, "O_DSYNC": os.O_DSYNC}.get(how, 0)
    fd = os.open(path, flags | os.O_WRONLY)
    try:
        done = os.write(fd, data) if offset is None else os.pwrite(fd, data, offset)
        assert done == len(data)
        sync_fd(fd, how)
    finally:
        os.close(fd)


class Operation:
    sync = None
    unsynced_names = 0  # steps of names that come after the sync

    def __init__(self, **arguments):
        self.arguments = arguments
        self.__dict__.update(arguments)
        if arguments.get("how"):
            self.sync = "file"


class Mkdir(Operation):
    def call(self, top):
        os.mkdir(top + self.path)

    def steps(self):
        yield "mkdir", self.path


class Create(Operation):
    def call(self, top):
        write_file(top + self.path, os.O_CREAT | os.O_EXCL, self.how,
                   content(self.seed, self.length))

    def steps(self):
        yield "create", self.path
        yield "data", self.path, write_at(0, content(self.seed, self.length))


class Bulk(Operation):
    """A file too large for one request of the kernel."""

    def call(self, top):
        write_file(top + self.path, os.O_CREAT | os.O_EXCL, self.how,
                   content(self.seed, self.length))

    def steps(self):
        yield "create", self.path
        yield "bulk", self.path, content(self.seed, self.length)


class Rewrite(Operation):
    """Truncated, written, closed: what shells and careless programs do."""

    def call(self, top):
        write_file(top + self.path, os.O_TRUNC, self.how, content(self.seed, self.length))

    def steps(self):
        yield "part", self.path, cut_to(0)
        yield "data", self.path, write_at(0, content(self.seed, self.length))


class Overwrite(Operation):
    def call(self, top):
        write_file(top + self.path, 0, self.how, content(self.seed, self.length), self.offset)

    def steps(self):
        yield "data", self.path, write_at(self.offset, content(self.seed, self.length))


class DirectOverwrite(Overwrite):
    """Past the page cache, whole pages; it promises nothing by itself."""

    def call(self, top):
        pages = mmap.mmap(-1, self.length)  # O_DIRECT wants aligned memory
        pages[:] = content(self.seed, self.length)
        fd = os.open(top + self.path, os.O_WRONLY | os.O_DIRECT)
        try:
            done = os.pwritev(fd, [pages], self.offset)
            assert done == self.length
            sync_fd(fd, self.how)
        finally:
            os.close(fd)


class Append(Overwrite):
    """At `offset`, which is the end of the file."""

    def call(self, top):
        write_file(top + self.path, os.O_APPEND, self.how, content(self.seed, self.length))


class Truncate(Operation):
    def call(self, top):
        os.truncate(top + self.path, self.length)

    def steps(self):
        yield "data", self.path, cut_to(self.length)


class Msync(Operation):
    """A page of a mapping, changed and called durable."""

    sync = "file"

    def call(self, top):
        fd = os.open(top + self.path, os.O_RDWR)
        try:
            with mmap.mmap(fd, 0) as pages:
                pages[self.offset:self.offset + self.length] = content(self.seed, self.length)
                pages.flush()
        finally:
            os.close(fd)

    def steps(self):
        yield "data", self.path, write_at(self.offset, content(self.seed, self.length))


class Replace(Operation):
    """The way editors save; without fsync the content is still never lost."""

    def call(self, top):
        temporary = top + self.path + ".tmp"
        write_file(temporary, os.O_CREAT | os.O_EXCL, self.how, content(self.seed, self.length))
        os.rename(temporary, top + self.path)

    unsynced_names = 1

    def steps(self):
        temporary = self.path + ".tmp"
        yield "create", temporary
        yield "data", temporary, write_at(0, content(self.seed, self.length))
        yield "rename", temporary, self.path


class Rename(Operation):
    def call(self, top):
        os.rename(top + self.path, top + self.new)

    def steps(self):
        yield "rename", self.path, self.new


class RenameDirectory(Rename):
    def steps(self):
        yield "rename_directory", self.path, self.new


class Link(Operation):
    def call(self, top):
        os.link(top + self.path, top + self.new)

    def steps(self):
        yield "link", self.path, self.new


class SetXattr(Operation):
    def call(self, top):
        os.setxattr(top + self.path, XATTR, self.value.encode())
        if self.how:
            fd = os.open(top + self.path, os.O_RDONLY)
            try:
                sync_fd(fd, self.how)
            finally:
                os.close(fd)

    def steps(self):
        yield "xattr", self.path, self.value


class Unlink(Operation):
    def call(self, top):
        os.unlink(top + self.path)

    def steps(self):
        yield "unlink", self.path


class SyncDirectory(Operation):
    sync = "volume"

    def call(self, top):
        fd = os.open(top + self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def steps(self):
        return ()


class Insert(Operation):
    """A transaction of SQLite; promises.py checks the database."""

    sync = "database"

    def call(self, top):
        self.connection.executemany("insert into t values (?, ?)",
                                    [(row, row_text(row)) for row in range(self.row, self.row + 10)])
        self.connection.commit()

    def steps(self):
        return ()


def row_text(row):
    return content(row, 40).hex()


KINDS = {kind.__name__: kind for kind in (
    Mkdir, Create, Bulk, Rewrite, Overwrite, DirectOverwrite, Append, Truncate, Msync, Replace,
    Rename, RenameDirectory, Link, SetXattr, Unlink, SyncDirectory, Insert)}
