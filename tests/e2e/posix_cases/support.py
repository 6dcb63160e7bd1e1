# SPDX-License-Identifier: Apache-2.0
"""What the cases share: system calls that Python lacks, and class Case."""
import ctypes
import errno
import os
import stat
import traceback
import unittest

TOP = None  # the directory to work in; set by posix.py
libc = ctypes.CDLL(None, use_errno=True)

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
RENAME_WHITEOUT = 4
AT_FDCWD = -100
FALLOC_KEEP_SIZE = 1
FALLOC_PUNCH_HOLE = 2
FALLOC_COLLAPSE_RANGE = 8
FALLOC_ZERO_RANGE = 16
FALLOC_INSERT_RANGE = 32
FALLOC_UNSHARE_RANGE = 64
SOMEBODY = 12345


def call(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def renameat2(old, new, flags):
    call(libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags))


def fallocate(fd, mode, offset, length):
    call(libc.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(length)))


class StatxTime(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32),
                ("padding", ctypes.c_int32)]


class Statx(ctypes.Structure):
    _fields_ = [("mask", ctypes.c_uint32), ("block_size", ctypes.c_uint32),
                ("attributes", ctypes.c_uint64), ("links", ctypes.c_uint32),
                ("uid", ctypes.c_uint32), ("gid", ctypes.c_uint32), ("mode", ctypes.c_uint16),
                ("padding", ctypes.c_uint16), ("ino", ctypes.c_uint64), ("size", ctypes.c_uint64),
                ("blocks", ctypes.c_uint64), ("attributes_mask", ctypes.c_uint64),
                ("atime", StatxTime), ("btime", StatxTime), ("ctime", StatxTime),
                ("mtime", StatxTime), ("rest", ctypes.c_uint8 * 128)]


STATX_BASIC_STATS = 0x7ff
STATX_BTIME = 0x800


def statx(path, mask=STATX_BASIC_STATS | STATX_BTIME):
    result = Statx()
    call(libc.statx(AT_FDCWD, os.fsencode(path), 0x100, mask, ctypes.byref(result)))
    return result


def write_file(path, data=b""):
    with open(path, "wb") as file:
        file.write(data)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def start_child(function, *arguments):
    """Runs the function in a child; see end_child()."""
    child = os.fork()
    if not child:
        status = 0
        try:
            function(*arguments)
        except OSError as error:
            status = error.errno
        except BaseException:
            traceback.print_exc()
            status = 255
        os._exit(status)
    return child


def end_child(child):
    """0, the errno that the function ended with, or 255 for another exception."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_child(function):
    return end_child(start_child(function))


def in_children(count, function):
    """The functions of 0 to count - 1, side by side."""
    return [end_child(child) for child in [start_child(function, n) for n in range(count)]]


def as_somebody(function, groups=()):
    """Runs the function in a child without privileges; its errno comes back."""
    def change_and_run():
        os.setgroups(groups)
        os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
        os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
        function()

    return in_child(change_and_run)


class Case(unittest.TestCase):
    def setUp(self):
        path = os.path.join(TOP, self.id().replace("posix_cases.", ""))
        os.mkdir(path)
        os.chmod(path, 0o777)
        os.chdir(path)

    def assert_errno(self, number, function, *arguments):
        with self.assertRaises(OSError) as context:
            function(*arguments)
        self.assertEqual(errno.errorcode[context.exception.errno], errno.errorcode[number])

    def mode(self, path):
        return stat.S_IMODE(os.lstat(path).st_mode)
