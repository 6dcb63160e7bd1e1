# SPDX-License-Identifier: Apache-2.0
"""Modes, owners, times, permissions."""
import errno
import os
import time

from posix_cases.support import Case, SOMEBODY, as_somebody, fallocate, write_file


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
