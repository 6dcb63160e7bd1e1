# SPDX-License-Identifier: Apache-2.0
"""Names, links, renames."""
import errno
import os
import stat

from posix_cases.support import (AT_FDCWD, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, Case,
                                 as_somebody, call, libc, read_file, renameat2, write_file)


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


    def test_names_are_any_bytes(self):
        """All but NUL and the slash, in any place; no two are taken for one."""
        names = [bytes([byte]) for byte in range(1, 256) if byte not in b"./"]
        names += [b"x" + name for name in names] + [name * 255 for name in names]
        names += [b"...", b". ", b" .", b".x", "\u00e4".encode(), "a\u0308".encode()]
        for name in names:
            write_file(name, name)
        self.assertEqual(sorted(os.listdir(b".")), sorted(names))
        for name in names:
            self.assertEqual(read_file(name), name)
            os.rename(name, name)
            os.unlink(name)
        self.assertEqual(os.listdir("."), [])

    def test_paths_may_be_deeper_than_path_max(self):
        depth = 1000
        for level in range(depth):
            os.mkdir("%08d" % level)
            os.chdir("%08d" % level)
        write_file("bottom", b"here")
        self.assert_errno(errno.ENAMETOOLONG, os.stat, "./" * 2048 + "bottom")
        self.assertEqual(read_file("bottom"), b"here")
        os.unlink("bottom")
        for level in reversed(range(depth)):
            os.chdir("..")
            self.assertEqual(os.listdir("."), ["%08d" % level])
            os.rmdir("%08d" % level)

    def test_symlinks_that_lead_in_circles(self):
        os.symlink("b", "a")
        os.symlink("a", "b")
        self.assert_errno(errno.ELOOP, os.stat, "a")
        self.assert_errno(errno.ELOOP, os.open, "a", os.O_RDONLY | os.O_NOFOLLOW)
        self.assert_errno(errno.ENAMETOOLONG, os.symlink, "t" * 4096, "c")
        self.assert_errno(errno.ENOENT, os.symlink, "", "c")

    def test_slashes_at_the_end_mean_a_directory(self):
        write_file("f")
        os.mkdir("d")
        self.assert_errno(errno.ENOTDIR, os.stat, "f/")
        self.assert_errno(errno.ENOTDIR, os.stat, "f/.")
        self.assert_errno(errno.EISDIR, write_file, "d/")
        os.stat("d/")
        os.rename("d/", "e/")
        self.assert_errno(errno.EINVAL, os.rmdir, "e/.")
        os.rmdir("e/")

    def test_nothing_is_made_in_a_removed_directory(self):
        os.mkdir("d")
        fd = os.open("d", os.O_RDONLY)
        os.rmdir("d")
        self.assert_errno(errno.ENOENT, lambda: os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        self.assert_errno(errno.ENOENT, lambda: os.mkdir("f", dir_fd=fd))
        self.assertEqual(os.listdir(fd), [])
        self.assertEqual(os.fstat(fd).st_nlink, 0)
        os.close(fd)

    def test_unnamed_files(self):
        """O_TMPFILE, where libfuse hands it on: without a name until linked."""
        try:
            fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o640)
        except OSError as error:
            self.assertEqual(error.errno, errno.EOPNOTSUPP)
            return
        os.write(fd, b"unnamed")
        self.assertEqual(os.listdir("."), [])
        self.assertEqual(os.fstat(fd).st_nlink, 0)
        call(libc.linkat(AT_FDCWD, b"/proc/self/fd/%d" % fd, AT_FDCWD, b"f", 0x400))
        self.assertEqual(os.fstat(fd).st_nlink, 1)
        os.close(fd)
        self.assertEqual(read_file("f"), b"unnamed")


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

    def test_exchange_of_directories_moves_what_is_above(self):
        os.makedirs("a/x")
        os.makedirs("b/y/z")
        renameat2("a/x", "b/y", RENAME_EXCHANGE)
        self.assertEqual(os.listdir("a/x"), ["z"])
        self.assertEqual(os.stat("a/x/..").st_ino, os.stat("a").st_ino)
        self.assertEqual(os.stat("b/y/..").st_ino, os.stat("b").st_ino)
        self.assert_errno(errno.EINVAL, renameat2, "a", "a/x", RENAME_EXCHANGE)

    def test_flags_do_not_mix(self):
        write_file("a")
        write_file("b")
        self.assert_errno(errno.EINVAL, renameat2, "a", "b", RENAME_NOREPLACE | RENAME_EXCHANGE)
        self.assert_errno(errno.EINVAL, renameat2, "a", "b", 64)

    def test_of_the_working_directory(self):
        os.mkdir("d")
        os.chdir("d")
        os.rename("../d", "../e")
        write_file("f")
        self.assertEqual(os.listdir("../e"), ["f"])
        self.assertTrue(os.getcwd().endswith("/e"))

    def test_in_a_sticky_directory(self):
        os.mkdir("d")
        os.chmod("d", 0o1777)
        write_file("d/roots")
        self.assertEqual(as_somebody(lambda: write_file("d/mine")), 0)
        self.assertEqual(as_somebody(lambda: os.rename("d/mine", "d/roots")), errno.EPERM)
        self.assertEqual(as_somebody(lambda: os.rename("d/roots", "d/stolen")), errno.EPERM)
        self.assertEqual(as_somebody(lambda: os.rename("d/mine", "d/still_mine")), 0)


class Ours(Case):
    def test_whiteouts_are_refused(self):
        write_file("a")
        self.assert_errno(errno.EINVAL, renameat2, "a", "b", RENAME_WHITEOUT)
        self.assertEqual(os.listdir("."), ["a"])
