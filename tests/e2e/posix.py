# SPDX-License-Identifier: Apache-2.0
"""What Linux promises of a file system: posix.py DIR [TEST...]

Each test works in a new directory below DIR, as root; some as another user.
"""
import ctypes
import errno
import fcntl
import mmap
import os
import stat
import sys
import threading
import time
import unittest

TOP = None
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
        path = os.path.join(TOP, self.id().replace("__main__.", ""))
        os.mkdir(path)
        os.chmod(path, 0o777)
        os.chdir(path)

    def assert_errno(self, number, function, *arguments):
        with self.assertRaises(OSError) as context:
            function(*arguments)
        self.assertEqual(errno.errorcode[context.exception.errno], errno.errorcode[number])

    def mode(self, path):
        return stat.S_IMODE(os.lstat(path).st_mode)


class Names(Case):
    def test_create_is_exclusive(self):
        os.close(os.open("f", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        self.assertEqual(self.mode("f"), 0o640)
        self.assert_errno(errno.EEXIST, os.open, "f", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY))

    def test_the_umask_counts(self):
        old = os.umask(0o027)
        try:
            os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o666))
            os.mkdir("d")
        finally:
            os.umask(old)
        self.assertEqual((self.mode("f"), self.mode("d")), (0o640, 0o750))

    def test_names_have_at_most_255_bytes(self):
        write_file("n" * 255)
        self.assert_errno(errno.ENAMETOOLONG, write_file, "n" * 256)
        self.assert_errno(errno.ENAMETOOLONG, os.mkdir, "n" * 256)
        self.assertEqual(os.listdir("."), ["n" * 255])

    def test_names_are_bytes(self):
        names = [b"\xff\xfe", b"a\nb", b"\xc3\xa4", b"*", b" ", b"-"]
        for name in names:
            write_file(name, name)
        self.assertEqual(sorted(os.listdir(b".")), sorted(names))
        for name in names:
            self.assertEqual(read_file(name), name)

    def test_a_missing_name_may_appear(self):
        self.assert_errno(errno.ENOENT, os.stat, "f")
        write_file("f")
        os.stat("f")
        os.rename("f", "g")
        self.assert_errno(errno.ENOENT, os.stat, "f")
        os.stat("g")

    def test_directories_must_be_empty_to_go(self):
        os.mkdir("d")
        write_file("d/f")
        self.assert_errno(errno.ENOTEMPTY, os.rmdir, "d")
        self.assert_errno(errno.EISDIR, os.unlink, "d")
        self.assert_errno(errno.ENOTDIR, os.rmdir, "d/f")
        os.unlink("d/f")
        os.rmdir("d")
        self.assert_errno(errno.ENOENT, os.rmdir, "d")

    def test_links_of_directories_are_counted(self):
        os.mkdir("d")
        for name in "abc":
            os.mkdir("d/" + name)
        write_file("d/f")
        self.assertEqual(os.stat("d").st_nlink, 5)
        os.rmdir("d/a")
        os.rename("d/b", "b")
        self.assertEqual(os.stat("d").st_nlink, 3)

    def test_hard_links_are_one_file(self):
        write_file("a", b"one")
        os.mkdir("d")
        os.link("a", "d/b")
        self.assertEqual(os.stat("a").st_ino, os.stat("d/b").st_ino)
        self.assertEqual(os.stat("a").st_nlink, 2)
        write_file("d/b", b"two")
        self.assertEqual(read_file("a"), b"two")
        os.unlink("a")
        self.assertEqual(os.stat("d/b").st_nlink, 1)
        self.assertEqual(read_file("d/b"), b"two")
        self.assert_errno(errno.EEXIST, os.link, "d/b", "d/b")

    def test_symlinks_keep_their_target(self):
        for length in (1, 255, 4000):
            os.symlink("t" * length, "s%d" % length)
            self.assertEqual(os.readlink("s%d" % length), "t" * length)
            self.assertEqual(os.lstat("s%d" % length).st_size, length)
        os.symlink("s1", "t")
        self.assert_errno(errno.EINVAL, os.readlink, ".")

    def test_special_files(self):
        os.mkfifo("fifo", 0o600)
        os.mknod("null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod("high", 0o600 | stat.S_IFBLK, os.makedev(259, 70000))
        self.assertTrue(stat.S_ISFIFO(os.stat("fifo").st_mode))
        self.assertEqual(os.stat("high").st_rdev, os.makedev(259, 70000))
        self.assertEqual(read_file("null"), b"")

    def test_dot_dot_leads_up(self):
        os.makedirs("a/b/c")
        os.rename("a/b", "b")
        self.assertEqual(os.stat("b/..").st_ino, os.stat(".").st_ino)
        self.assertEqual(os.stat("b/c/..").st_ino, os.stat("b").st_ino)


class Rename(Case):
    def test_replaces_a_file(self):
        write_file("a", b"new")
        write_file("b", b"old")
        with open("b", "rb") as old:
            os.rename("a", "b")
            self.assertEqual(old.read(), b"old")
            self.assertEqual(os.fstat(old.fileno()).st_nlink, 0)
        self.assertEqual(read_file("b"), b"new")
        self.assertEqual(os.listdir("."), ["b"])

    def test_replaces_an_empty_directory_only(self):
        os.makedirs("a/x")
        os.makedirs("b/y")
        self.assert_errno(errno.ENOTEMPTY, os.rename, "a", "b")
        os.rmdir("b/y")
        os.rename("a", "b")
        self.assertEqual(os.listdir("b"), ["x"])
        write_file("f")
        self.assert_errno(errno.ENOTDIR, os.rename, "b", "f")
        self.assert_errno(errno.EISDIR, os.rename, "f", "b")

    def test_not_into_itself(self):
        os.makedirs("a/b")
        self.assert_errno(errno.EINVAL, os.rename, "a", "a/b/c")

    def test_noreplace(self):
        write_file("a", b"a")
        write_file("b", b"b")
        self.assert_errno(errno.EEXIST, renameat2, "a", "b", RENAME_NOREPLACE)
        renameat2("a", "c", RENAME_NOREPLACE)
        self.assertEqual(sorted(os.listdir(".")), ["b", "c"])

    def test_exchange(self):
        write_file("f", b"file")
        os.makedirs("d/sub")
        renameat2("f", "d", RENAME_EXCHANGE)
        self.assertEqual(read_file("d"), b"file")
        self.assertEqual(os.listdir("f"), ["sub"])
        self.assert_errno(errno.ENOENT, renameat2, "f", "missing", RENAME_EXCHANGE)

    def test_of_an_open_file_keeps_what_was_written(self):
        write_file("old", b"old")
        fd = os.open("new", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"new" * 10000)
        os.rename("new", "old")
        os.write(fd, b"more")
        os.close(fd)
        self.assertEqual(read_file("old"), b"new" * 10000 + b"more")

    def test_to_a_hard_link_of_the_same_file_does_nothing(self):
        write_file("a", b"x")
        os.link("a", "b")
        os.rename("a", "b")
        self.assertEqual(sorted(os.listdir(".")), ["a", "b"])


class Contents(Case):
    def test_unlinked_files_live_while_open(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"ghost" * 1000)
        os.unlink("f")
        self.assertEqual(os.listdir("."), [])
        os.fsync(fd)
        self.assertEqual(os.pread(fd, 5, 20), b"ghost")
        os.write(fd, b"!")
        self.assertEqual(os.fstat(fd).st_size, 5001)
        self.assertEqual(os.fstat(fd).st_nlink, 0)
        os.close(fd)

    def test_sparse_files_read_zeros(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.pwrite(fd, b"end", 1 << 40)
        os.fsync(fd)
        self.assertEqual(os.fstat(fd).st_size, (1 << 40) + 3)
        self.assertLess(os.fstat(fd).st_blocks, 100)
        self.assertEqual(os.pread(fd, 10, 12345), bytes(10))
        self.assertEqual(os.lseek(fd, 0, os.SEEK_DATA), 1 << 40)
        self.assertEqual(os.lseek(fd, 0, os.SEEK_HOLE), 0)
        self.assert_errno(errno.ENXIO, os.lseek, fd, 1 << 41, os.SEEK_DATA)
        os.close(fd)

    def test_the_largest_offset(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.ftruncate(fd, 2**63 - 1)
        self.assertEqual(os.fstat(fd).st_size, 2**63 - 1)
        self.assertEqual(os.pread(fd, 50, 2**63 - 51), bytes(50))
        os.pwrite(fd, b"x", 2**63 - 8192)
        self.assertEqual(os.pread(fd, 3, 2**63 - 8193), b"\0x\0")
        os.close(fd)

    def test_data_just_written_is_no_hole(self):
        fd = os.open("f", os.O_CREAT | os.O_RDWR)
        os.write(fd, b"x" * 10000)
        self.assertEqual(os.lseek(fd, 0, os.SEEK_DATA), 0)
        self.assertGreaterEqual(os.lseek(fd, 0, os.SEEK_HOLE), 10000)
        os.close(fd)

    def test_truncate(self):
        write_file("f", b"0123456789" * 1000)
        os.truncate("f", 5)
        os.truncate("f", 9000)
        self.assertEqual(read_file("f"), b"01234" + bytes(8995))
        os.close(os.open("f", os.O_WRONLY | os.O_TRUNC))
        self.assertEqual(os.stat("f").st_size, 0)
        self.assert_errno(errno.EISDIR, os.truncate, ".", 0)

    def test_append(self):
        write_file("f", b"a")
        with open("f", "ab") as one, open("f", "ab") as two:
            for file in (one, two, one):
                file.write(b"%d" % file.fileno())
                file.flush()
            expected = b"a%d%d%d" % (one.fileno(), two.fileno(), one.fileno())
        self.assertEqual(read_file("f"), expected)

    def test_writing_only_needs_no_read_permission(self):
        write_file("f", b"x" * 5000)
        fd = os.open("f", os.O_WRONLY)
        os.pwrite(fd, b"y", 100)  # the kernel reads the page around it
        os.close(fd)
        self.assertEqual(read_file("f"), b"x" * 100 + b"y" + b"x" * 4899)

    def test_mmap(self):
        write_file("f", bytes(20000))
        fd = os.open("f", os.O_RDWR)
        with mmap.mmap(fd, 20000) as mapped:
            mapped[5000:5005] = b"hello"
            mapped.flush()
            self.assertEqual(os.pread(fd, 5, 5000), b"hello")
            os.pwrite(fd, b"HELLO", 15000)
            self.assertEqual(mapped[15000:15005], b"HELLO")
        os.close(fd)

    def test_direct_io(self):
        buffer = mmap.mmap(-1, 8192)
        buffer[:] = b"d" * 8192
        fd = os.open("f", os.O_CREAT | os.O_RDWR | os.O_DIRECT)
        self.assertEqual(os.writev(fd, [buffer]), 8192)
        buffer[:] = bytes(8192)
        self.assertEqual(os.preadv(fd, [buffer], 0), 8192)
        self.assertEqual(buffer[:], b"d" * 8192)
        os.close(fd)
        self.assertEqual(read_file("f"), b"d" * 8192)

    def test_fallocate(self):
        write_file("f", b"x" * 20000)
        fd = os.open("f", os.O_RDWR)
        fallocate(fd, FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE, 4096, 8192)
        self.assertEqual(os.pread(fd, 8192, 4096), bytes(8192))
        self.assertEqual(os.pread(fd, 1, 4095) + os.pread(fd, 1, 12288), b"xx")
        self.assertEqual(os.lseek(fd, 0, os.SEEK_HOLE), 4096)
        fallocate(fd, FALLOC_ZERO_RANGE, 19000, 2000)
        self.assertEqual(os.fstat(fd).st_size, 21000)
        self.assertEqual(os.pread(fd, 2000, 19000), bytes(2000))
        fallocate(fd, FALLOC_KEEP_SIZE, 0, 1 << 20)
        self.assertEqual(os.fstat(fd).st_size, 21000)
        fallocate(fd, 0, 0, 30000)
        self.assertEqual(os.fstat(fd).st_size, 30000)
        os.close(fd)

    def test_copy_file_range(self):
        data = os.urandom(300000)
        write_file("a", data)
        with open("a", "rb") as source, open("b", "wb") as target:
            done = 0
            while done < len(data):
                done += os.copy_file_range(source.fileno(), target.fileno(), len(data) - done)
        self.assertEqual(read_file("b"), data)
        with open("a", "r+b") as both:
            os.copy_file_range(both.fileno(), both.fileno(), 1000, 0, 200000)
        self.assertEqual(read_file("a"), data[:200000] + data[:1000] + data[201000:])

    def test_many_threads_write_one_file(self):
        def work(number):
            fd = os.open("f", os.O_WRONLY)
            for block in range(number, 400, 4):
                os.pwrite(fd, b"%04d" % block * 1024, block * 4096)
            os.close(fd)

        write_file("f")
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(read_file("f"), b"".join(b"%04d" % n * 1024 for n in range(400)))

    def test_locks_are_kept_by_the_kernel(self):
        with open("f", "wb") as one, open("f", "rb") as two:
            fcntl.flock(one, fcntl.LOCK_EX)
            self.assert_errno(errno.EAGAIN, fcntl.flock, two, fcntl.LOCK_SH | fcntl.LOCK_NB)


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


class ExtendedAttributes(Case):
    def test_set_get_list_remove(self):
        write_file("f")
        os.mkdir("d")
        for path in ("f", "d"):
            os.setxattr(path, "user.one", b"1")
            os.setxattr(path, "user.two", b"\0\xff")
            os.setxattr(path, "trusted.three", b"")
            self.assertEqual(sorted(os.listxattr(path)),
                             ["trusted.three", "user.one", "user.two"])
            self.assertEqual(os.getxattr(path, "user.two"), b"\0\xff")
            self.assertEqual(os.getxattr(path, "trusted.three"), b"")
            os.removexattr(path, "user.one")
            self.assert_errno(errno.ENODATA, os.getxattr, path, "user.one")
            self.assert_errno(errno.ENODATA, os.removexattr, path, "user.one")

    def test_flags(self):
        write_file("f")
        self.assert_errno(errno.ENODATA, os.setxattr, "f", "user.a", b"1", os.XATTR_REPLACE)
        os.setxattr("f", "user.a", b"1", os.XATTR_CREATE)
        self.assert_errno(errno.EEXIST, os.setxattr, "f", "user.a", b"2", os.XATTR_CREATE)
        os.setxattr("f", "user.a", b"2", os.XATTR_REPLACE)
        self.assertEqual(os.getxattr("f", "user.a"), b"2")

    def test_sizes(self):
        write_file("f")
        os.setxattr("f", "user.large", b"v" * 65536)
        self.assertEqual(os.getxattr("f", "user.large"), b"v" * 65536)
        name = "user." + "n" * 250
        os.setxattr("f", name, b"1")
        self.assertIn(name, os.listxattr("f"))

    def test_our_own_are_not_listed(self):
        write_file("f")
        self.assertIn(os.getxattr("f", "user.dray.state"), (b"local", b"uploading", b"cloud"))
        self.assertEqual(os.listxattr("f"), [])
        self.assert_errno(errno.EPERM, os.setxattr, "f", "user.dray.state", b"cloud")

    def test_acls_are_refused(self):
        write_file("f")
        self.assert_errno(errno.EOPNOTSUPP, os.setxattr, "f", "system.posix_acl_access",
                          bytes.fromhex("0200000001000600ffffffff04000400ffffffff"
                                        "20000400ffffffff"))


class Listings(Case):
    def test_what_is_made_and_removed_shows(self):
        for round in range(3):
            write_file("f%d" % round)
            self.assertEqual(len(os.listdir(".")), round + 1)
            self.assertEqual(len(list(os.scandir("."))), round + 1)
        os.unlink("f1")
        self.assertEqual(sorted(os.listdir(".")), ["f0", "f2"])

    def test_types_are_told(self):
        write_file("f")
        os.mkdir("d")
        os.symlink("f", "s")
        kinds = {e.name: (e.is_file(follow_symlinks=False), e.is_dir(follow_symlinks=False),
                          e.is_symlink()) for e in os.scandir(".")}
        self.assertEqual(kinds, {"f": (True, False, False), "d": (False, True, False),
                                 "s": (False, False, True)})

    def test_positions_stay_valid_while_entries_go(self):
        """Every entry that stays is listed once, however a listing is cut."""
        for number in range(3000):
            write_file("%04d" % number)
        seen = []
        with os.scandir(".") as entries:
            for entry in entries:
                seen.append(entry.name)
                if int(entry.name) % 3 == 0:
                    os.unlink(entry.name)
                    write_file("new" + entry.name)
                    os.unlink("new" + entry.name)
        old = [name for name in seen if not name.startswith("new")]
        self.assertEqual(len(old), len(set(old)))
        self.assertEqual(sorted(old), ["%04d" % n for n in range(3000)])
        self.assertEqual(sorted(os.listdir(".")),
                         ["%04d" % n for n in range(3000) if n % 3])

    def test_seekdir(self):
        libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
        libc.telldir.restype = ctypes.c_long
        libc.opendir.argtypes = [ctypes.c_char_p]
        for function in (libc.readdir, libc.telldir, libc.closedir):
            function.argtypes = [ctypes.c_void_p]
        libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]

        def name(entry):
            return ctypes.string_at(entry + 19) if entry else None

        for number in range(200):
            write_file("%03d" % number)
        directory = libc.opendir(b".")
        listing = []
        while True:
            position = libc.telldir(directory)
            entry = name(libc.readdir(directory))
            listing.append((position, entry))
            if entry is None:
                break
        for position, entry in reversed(listing):
            libc.seekdir(directory, position)
            self.assertEqual(name(libc.readdir(directory)), entry)
        libc.closedir(directory)

    def test_fsync_of_a_directory(self):
        write_file("f")
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(fd)
        os.close(fd)


class Handles(Case):
    def test_handles_find_their_file_again(self):
        """As a NFS server does, after the kernel has forgotten the inode."""
        class FileHandle(ctypes.Structure):
            _fields_ = [("bytes", ctypes.c_uint), ("type", ctypes.c_int),
                        ("data", ctypes.c_char * 128)]

        os.makedirs("a/b")
        write_file("a/b/f", b"found")
        handle = FileHandle(bytes=128)
        mount_id = ctypes.c_int()
        call(libc.name_to_handle_at(AT_FDCWD, b"a/b/f", ctypes.byref(handle),
                                    ctypes.byref(mount_id), 0))
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("2")
        top = os.open(".", os.O_RDONLY)
        fd = call(libc.open_by_handle_at(top, ctypes.byref(handle), os.O_RDONLY))
        self.assertEqual(os.read(fd, 10), b"found")
        os.close(fd)
        os.unlink("a/b/f")
        self.assertEqual(libc.open_by_handle_at(top, ctypes.byref(handle), os.O_RDONLY), -1)
        self.assertEqual(ctypes.get_errno(), errno.ESTALE)
        os.close(top)


if __name__ == "__main__":
    TOP = os.path.abspath(sys.argv.pop(1))
    unittest.main()
