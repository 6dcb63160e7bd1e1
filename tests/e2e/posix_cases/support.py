# SPDX-License-Identifier: Apache-2.0
"""What the cases share: system calls that Python lacks, and class Case."""
import ctypes
import errno
import os
import stat
import unittest

TOP = None  # the directory to work in; set by posix.py
libc = ctypes.CDLL(None, use_errno=True)

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2
AT_FDCWD = -100
FALLOC_KEEP_SIZE = 1
FALLOC_PUNCH_HOLE = 2
FALLOC_ZERO_RANGE = 16
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


def write_file(path, data=b""):
    with open(path, "wb") as file:
        file.write(data)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def as_somebody(function, groups=()):
    """Runs the function in a child without privileges; its errno comes back."""
    child = os.fork()
    if not child:
        status = 0
        try:
            os.setgroups(groups)
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            function()
        except OSError as error:
            status = error.errno
        except BaseException:
            status = 255
        os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


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
