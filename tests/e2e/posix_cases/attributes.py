# SPDX-License-Identifier: Apache-2.0
"""Modes, owners, times, permissions."""
import ctypes
import errno
import os
import time

from posix_cases.support import (AT_FDCWD, SOMEBODY, STATX_BTIME, Case, as_somebody, call, fallocate,
                                 libc, read_file, statx, write_file)


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class Attributes(Case):
    def test_times_have_nanoseconds(self):
        write_file("f")
        os.symlink("f", "s")
        for name in ("f", "s", "."):
            for when in (0, 1, 1234567890987654321, -1500000001):
                os.utime(name, ns=(when, when + 7), follow_symlinks=False)
                info = os.lstat(name)
                self.assertEqual((info.st_atime_ns, info.st_mtime_ns), (when, when + 7))

    def test_changes_are_stamped(self):
        write_file("f")
        os.utime("f", (1, 1))
        os.utime(".", (1, 1))
        before = time.time() - 1
        with open("f", "ab") as file:
            file.write(b"x")
        self.assertGreater(os.stat("f").st_mtime, before)
        self.assertEqual(os.stat(".").st_mtime, 1)
        write_file("g")
        self.assertGreater(os.stat(".").st_mtime, before)
        os.utime("f", (1, 1))
        self.assertGreater(os.stat("f").st_ctime, before)
        os.truncate("f", 100)
        self.assertGreater(os.stat("f").st_mtime, before)
        os.utime("f", None)
        self.assertGreater(os.stat("f").st_mtime, before)

    def test_times_stay_when_a_file_is_closed(self):
        with open("f", "wb") as file:
            file.write(b"x" * 100000)
            os.utime(file.fileno(), ns=(5, 6))
        self.assertEqual(os.stat("f").st_mtime_ns, 6)

    def test_chmod_and_chown(self):
        write_file("f")
        os.chmod("f", 0o7654)
        self.assertEqual(self.mode("f"), 0o7654)
        os.chown("f", 111, 222)
        info = os.stat("f")
        self.assertEqual((info.st_uid, info.st_gid), (111, 222))
        os.chown("f", -1, 333)
        self.assertEqual((os.stat("f").st_uid, os.stat("f").st_gid), (111, 333))

    def test_chown_takes_setuid_away(self):
        write_file("f")
        os.chmod("f", 0o6755)
        os.chown("f", 1, 1)
        self.assertEqual(self.mode("f"), 0o755)
        os.mkfifo("p")
        os.chmod("p", 0o6755)
        os.chown("p", 1, 1)
        self.assertEqual(self.mode("p"), 0o755)
        os.mkdir("d")
        os.chmod("d", 0o2755)
        os.chown("d", 1, 1)
        self.assertEqual(self.mode("d"), 0o2755)

    def test_somebody_who_writes_takes_setuid_away(self):
        def write():
            with open("f", "r+b") as file:
                file.write(b"y")

        def map_and_allocate():
            fd = os.open("f", os.O_RDWR)
            fallocate(fd, 0, 0, 100000)
            os.close(fd)

        for change in (write, lambda: os.truncate("f", 3), map_and_allocate):
            write_file("f", b"x")
            os.chmod("f", 0o6777)
            self.assertEqual(as_somebody(change), 0)
            self.assertEqual(self.mode("f"), 0o777)
            # Not for execution by the group: it stays if it is the writer's.
            os.chmod("f", 0o2767)
            self.assertEqual(as_somebody(change), 0)
            self.assertEqual(self.mode("f"), 0o767)
            os.chown("f", 0, 777)
            os.chmod("f", 0o2767)
            self.assertEqual(as_somebody(change, [777]), 0)
            self.assertEqual(self.mode("f"), 0o2767)
            os.unlink("f")

    def test_root_who_writes_leaves_setuid(self):
        write_file("f", b"x")
        os.chmod("f", 0o6777)
        with open("f", "r+b") as file:
            file.write(b"y")
        os.truncate("f", 10)
        self.assertEqual(self.mode("f"), 0o6777)

    def test_setgid_directories_give_their_group(self):
        os.mkdir("d")
        os.chown("d", 0, 777)
        os.chmod("d", 0o2777)
        write_file("d/f")
        os.mkdir("d/sub")
        self.assertEqual(os.stat("d/f").st_gid, 777)
        self.assertEqual(os.stat("d/sub").st_gid, 777)
        self.assertEqual(self.mode("d/sub") & 0o2000, 0o2000)

    def test_permissions_are_checked(self):
        write_file("f", b"secret")
        os.chmod("f", 0o600)
        os.mkdir("d", 0o700)
        write_file("d/f")
        os.mkdir("sticky")
        os.chmod("sticky", 0o1777)
        write_file("sticky/f")
        self.assertEqual(as_somebody(lambda: open("f", "rb").close()), errno.EACCES)
        self.assertEqual(as_somebody(lambda: os.stat("d/f")), errno.EACCES)
        self.assertEqual(as_somebody(lambda: os.chmod("f", 0o777)), errno.EPERM)
        self.assertEqual(as_somebody(lambda: os.unlink("sticky/f")), errno.EPERM)
        self.assertEqual(as_somebody(lambda: write_file("mine")), 0)
        info = os.stat("mine")
        self.assertEqual((info.st_uid, info.st_gid), (SOMEBODY, SOMEBODY))

    def test_the_volume_tells_its_size(self):
        info = os.statvfs(".")
        self.assertGreater(info.f_blocks, 0)
        self.assertGreaterEqual(info.f_blocks, info.f_bfree)
        self.assertGreater(info.f_ffree, 1000)
        self.assertEqual(info.f_namemax, 255)

    def test_times_of_all_ages(self):
        write_file("f")
        for seconds in (1 - 2**31, -1, 0, 2**31, 2**32 + 5, 2**33):
            os.utime("f", ns=(seconds * 10**9 + 1, seconds * 10**9 + 999999999))
            info = os.stat("f")
            self.assertEqual(info.st_atime_ns, seconds * 10**9 + 1)
            self.assertEqual(info.st_mtime_ns, seconds * 10**9 + 999999999)

    def test_one_time_of_two(self):
        """utimensat(2) with UTIME_OMIT and UTIME_NOW."""
        def utimensat(access, modification):
            times = (Timespec * 2)(Timespec(5, access), Timespec(6, modification))
            call(libc.utimensat(AT_FDCWD, b"f", times, 0))

        now, omit = 2**30 - 1, 2**30 - 2
        write_file("f")
        utimensat(11, 12)
        utimensat(omit, 13)
        self.assertEqual((os.stat("f").st_atime_ns, os.stat("f").st_mtime_ns),
                         (5000000011, 6000000013))
        utimensat(14, omit)
        self.assertEqual((os.stat("f").st_atime_ns, os.stat("f").st_mtime_ns),
                         (5000000014, 6000000013))
        utimensat(omit, now)
        self.assertEqual(os.stat("f").st_atime_ns, 5000000014)
        self.assertLess(abs(os.stat("f").st_mtime - time.time()), 10)

    def test_who_may_set_times(self):
        write_file("f")
        os.chmod("f", 0o666)
        self.assertEqual(as_somebody(lambda: os.utime("f")), 0)
        self.assertEqual(as_somebody(lambda: os.utime("f", (1, 1))), errno.EPERM)
        os.chmod("f", 0o644)
        self.assertEqual(as_somebody(lambda: os.utime("f")), errno.EACCES)

    def test_times_of_symlinks_are_their_own(self):
        write_file("f")
        os.symlink("f", "s")
        os.utime("s", ns=(7, 8), follow_symlinks=False)
        self.assertEqual(os.lstat("s").st_mtime_ns, 8)
        self.assertNotEqual(os.stat("f").st_mtime_ns, 8)

    def test_the_time_of_birth(self):
        before = time.time_ns() - 10**7
        write_file("f")
        os.mkdir("d")
        os.symlink("f", "s")
        after = time.time_ns()
        os.utime("f", (1, 1))
        os.rename("f", "g")
        for path in "gds":
            result = statx(path)
            self.assertTrue(result.mask & STATX_BTIME, path)
            born = result.btime.seconds * 10**9 + result.btime.nanoseconds
            self.assertTrue(before <= born <= after, path)
        result = statx("g")
        self.assertEqual((result.mtime.seconds, result.ino), (1, os.stat("g").st_ino))

    def test_statx_knows_what_is_not_written_back(self):
        with open("f", "wb") as file:
            file.write(b"x" * 12345)
            file.flush()
            self.assertEqual(statx("f").size, 12345)
            file.write(b"y")
            file.flush()
            self.assertEqual(os.stat("f").st_size, 12346)

    def test_creation_of_setgid_files(self):
        """Only a member of the directory's group may make them in a setgid directory."""
        def create(name):
            os.umask(0)
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o2775))

        os.mkdir("d")
        os.chown("d", 0, 777)
        os.chmod("d", 0o2777)
        self.assertEqual(as_somebody(lambda: create("d/a")), 0)
        self.assertEqual(as_somebody(lambda: create("d/b"), [777]), 0)
        self.assertEqual((self.mode("d/a"), self.mode("d/b")), (0o775, 0o2775))
        self.assertEqual((os.stat("d/a").st_gid, os.stat("d/b").st_gid), (777, 777))

    def test_chmod_by_a_stranger_to_the_group(self):
        write_file("f")
        os.chown("f", SOMEBODY, 777)
        self.assertEqual(as_somebody(lambda: os.chmod("f", 0o2755)), 0)
        self.assertEqual(self.mode("f"), 0o755)
        self.assertEqual(as_somebody(lambda: os.chmod("f", 0o2755), [777]), 0)
        self.assertEqual(self.mode("f"), 0o2755)

    def test_who_may_give_files_away(self):
        write_file("f")
        os.chown("f", SOMEBODY, SOMEBODY)
        self.assertEqual(as_somebody(lambda: os.chown("f", 1, -1)), errno.EPERM)
        self.assertEqual(as_somebody(lambda: os.chown("f", -1, 777)), errno.EPERM)
        self.assertEqual(as_somebody(lambda: os.chown("f", -1, 777), [777]), 0)
        self.assertEqual(os.stat("f").st_gid, 777)

    def test_a_file_of_mode_zero_can_be_written_by_who_made_it(self):
        def create():
            fd = os.open("f", os.O_CREAT | os.O_RDWR, 0)
            os.write(fd, b"x" * 5000)
            assert os.pread(fd, 5, 0) == b"xxxxx"
            os.close(fd)

        self.assertEqual(as_somebody(create), 0)
        self.assertEqual(as_somebody(lambda: open("f", "rb").close()), errno.EACCES)


class Ours(Case):
    def test_the_volume_tells_what_files_take(self):
        def used():
            info = os.statvfs(".")
            return (info.f_blocks - info.f_bfree) * info.f_frsize

        before = used()
        write_file("f", bytes(1 << 20))
        os.truncate("f", 1 << 30)  # sparse
        self.assertEqual(used() - before, 1 << 20)
        os.unlink("f")
        while used() != before:  # the kernel forgets the inode in its own time
            time.sleep(0.01)

    def test_what_the_store_will_never_take_is_refused(self):
        info = os.statvfs(".")
        free = info.f_bavail * info.f_frsize
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        self.assert_errno(errno.ENOSPC, fallocate, fd, 0, 0, 2 * free)
        self.assertEqual(os.fstat(fd).st_size, 0)
        os.close(fd)
