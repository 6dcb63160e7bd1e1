# SPDX-License-Identifier: Apache-2.0
"""Locks of files, between processes. One mount: the kernel keeps them all."""
import errno
import fcntl
import os
import struct

from posix_cases.support import Case, in_child, write_file

OFD_GETLK, OFD_SETLK = 36, 37


def posix_lock(fd, kind, start=0, length=0):
    fcntl.lockf(fd, kind | (0 if kind == fcntl.LOCK_UN else fcntl.LOCK_NB), length, start)


def ofd_lock(fd, kind, start=0, length=0):
    fcntl.fcntl(fd, OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, start, length, 0))


class Locks(Case):
    def setUp(self):
        super().setUp()
        write_file("f", bytes(1000))
        self.fd = os.open("f", os.O_RDWR)
        self.addCleanup(os.close, self.fd)

    def other(self, lock, *arguments):
        """The errno with which another process is refused the lock."""
        def try_lock():
            fd = os.open("f", os.O_RDWR)
            lock(fd, *arguments)

        return in_child(try_lock)

    def test_flock_excludes_other_processes(self):
        fcntl.flock(self.fd, fcntl.LOCK_SH)
        self.assertEqual(self.other(fcntl.flock, fcntl.LOCK_SH | fcntl.LOCK_NB), 0)
        self.assertEqual(self.other(fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB), errno.EAGAIN)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        self.assertEqual(self.other(fcntl.flock, fcntl.LOCK_SH | fcntl.LOCK_NB), errno.EAGAIN)
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        self.assertEqual(self.other(fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB), 0)

    def test_flock_is_of_the_open_file(self):
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        with open("f", "rb") as second:
            self.assert_errno(errno.EAGAIN, fcntl.flock, second, fcntl.LOCK_SH | fcntl.LOCK_NB)
        self.assertEqual(in_child(lambda: fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)), 0)

    def test_posix_locks_are_of_ranges(self):
        posix_lock(self.fd, fcntl.LOCK_EX, 100, 100)
        posix_lock(self.fd, fcntl.LOCK_SH, 300, 100)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_EX, 0, 100), 0)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_SH, 199, 1), errno.EAGAIN)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_SH, 200, 200), 0)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_EX, 399, 1), errno.EAGAIN)
        posix_lock(self.fd, fcntl.LOCK_UN, 0, 0)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_EX, 0, 0), 0)

    def test_posix_locks_end_with_any_close(self):
        posix_lock(self.fd, fcntl.LOCK_EX)
        os.close(os.open("f", os.O_RDONLY))
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_EX), 0)

    def test_posix_locks_are_waited_for(self):
        posix_lock(self.fd, fcntl.LOCK_EX)
        ready, told = os.pipe()
        child = os.fork()
        if not child:
            fd = os.open("f", os.O_RDWR)
            os.write(told, b"x")
            fcntl.lockf(fd, fcntl.LOCK_EX)
            os._exit(3)
        os.read(ready, 1)
        self.assertEqual(os.waitpid(child, os.WNOHANG), (0, 0))
        posix_lock(self.fd, fcntl.LOCK_UN)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 3)
        os.close(ready)
        os.close(told)

    def test_the_holder_is_told(self):
        posix_lock(self.fd, fcntl.LOCK_EX, 10, 5)
        holder = os.getpid()

        def ask():
            fd = os.open("f", os.O_RDWR)
            query = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            answer = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_GETLK, query))
            assert answer == (fcntl.F_WRLCK, os.SEEK_SET, 10, 5, holder)

        self.assertEqual(in_child(ask), 0)

    def test_open_file_description_locks(self):
        ofd_lock(self.fd, fcntl.F_WRLCK, 0, 10)
        second = os.open("f", os.O_RDWR)
        self.assert_errno(errno.EAGAIN, ofd_lock, second, fcntl.F_RDLCK, 9, 1)
        ofd_lock(second, fcntl.F_RDLCK, 10, 1)
        os.close(second)
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_SH, 0, 10), errno.EAGAIN)
        self.assertEqual(self.other(ofd_lock, fcntl.F_RDLCK, 0, 10), errno.EAGAIN)
        ofd_lock(self.fd, fcntl.F_UNLCK)
        self.assertEqual(self.other(ofd_lock, fcntl.F_WRLCK, 0, 10), 0)

    def test_the_dead_hold_nothing(self):
        self.assertEqual(self.other(posix_lock, fcntl.LOCK_EX), 0)
        self.assertEqual(self.other(fcntl.flock, fcntl.LOCK_EX), 0)
        posix_lock(self.fd, fcntl.LOCK_EX)
        fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
