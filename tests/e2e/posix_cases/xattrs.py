# SPDX-License-Identifier: Apache-2.0
"""Extended attributes."""
import errno
import os

from posix_cases.support import Case, as_somebody, fallocate, write_file


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

    def test_namespaces(self):
        """Only root sees trusted.*; security.* may be read by all, user.* as the modes say."""
        write_file("f")
        os.setxattr("f", "trusted.a", b"1")
        os.setxattr("f", "security.a", b"2")
        os.setxattr("f", "user.a", b"3")

        def trusted():
            os.getxattr("f", "trusted.a")

        def security():
            assert os.getxattr("f", "security.a") == b"2"
            assert "trusted.a" not in os.listxattr("f")

        self.assertEqual(as_somebody(trusted), errno.ENODATA)
        self.assertEqual(as_somebody(security), 0)
        self.assertEqual(as_somebody(lambda: os.setxattr("f", "user.a", b"4")), errno.EACCES)
        self.assertEqual(as_somebody(lambda: os.setxattr("f", "trusted.a", b"4")), errno.EPERM)
        self.assert_errno(errno.EOPNOTSUPP, os.setxattr, "f", "system.a", b"5")
        self.assert_errno(errno.EOPNOTSUPP, os.setxattr, "f", "a", b"5")

    def test_not_for_symlinks_and_special_files(self):
        def set_own(path, name, value):
            os.setxattr(path, name, value, follow_symlinks=False)

        os.symlink("target", "s")
        os.mkfifo("p")
        for path in ("s", "p"):
            self.assert_errno(errno.EPERM, set_own, path, "user.a", b"1")
            set_own(path, "trusted.a", b"1")
            self.assertEqual(os.listxattr(path, follow_symlinks=False), ["trusted.a"])

    def test_names_are_limited(self):
        write_file("f")
        self.assert_errno(errno.ERANGE, os.setxattr, "f", "user." + "n" * 251, b"1")
        self.assert_errno(errno.E2BIG, os.setxattr, "f", "user.a", b"v" * 65537)

    def test_a_change_takes_capabilities_away(self):
        """Also one by root, unlike set-user-ID."""
        def write():
            with open("f", "r+b") as file:
                file.write(b"y")

        def allocate():
            fd = os.open("f", os.O_RDWR)
            fallocate(fd, 0, 0, 100000)
            os.close(fd)

        capabilities = bytes.fromhex("0100000200200000000000000000000000000000")
        for change in (write, allocate, lambda: os.truncate("f", 3), lambda: os.chown("f", 7, 7)):
            write_file("f", b"x")
            os.setxattr("f", "security.capability", capabilities)
            self.assertEqual(os.getxattr("f", "security.capability"), capabilities)
            change()
            self.assert_errno(errno.ENODATA, os.getxattr, "f", "security.capability")


class Ours(Case):
    def test_many(self):
        write_file("f")
        names = ["user.%03d" % number for number in range(200)]
        for name in names:
            os.setxattr("f", name, name.encode())
        self.assertEqual(sorted(os.listxattr("f")), names)
        for name in names:
            self.assertEqual(os.getxattr("f", name), name.encode())
            os.removexattr("f", name)
        self.assertEqual(os.listxattr("f"), [])

    def test_values_may_be_large(self):
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
