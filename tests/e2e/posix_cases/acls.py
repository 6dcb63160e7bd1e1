# SPDX-License-Identifier: Apache-2.0
"""POSIX ACLs: what they say, what follows from them for modes and for new files."""
import errno
import os
import struct

from posix_cases.support import SOMEBODY, Case, as_somebody, write_file

ACCESS = "system.posix_acl_access"
DEFAULT = "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32
NOBODY = 0xffffffff


def acl(*entries):
    """Of (tag, permissions) or (tag, permissions, id), in the order of the tags."""
    value = struct.pack("<I", 2)
    for entry in entries:
        tag, permissions, owner = entry if len(entry) == 3 else entry + (NOBODY,)
        value += struct.pack("<HHI", tag, permissions, owner)
    return value


def get(path, name=ACCESS):
    value = os.getxattr(path, name)
    entries = struct.iter_unpack("<HHI", value[4:])
    return [entry[:2] if entry[2] == NOBODY else entry for entry in entries]


SHARED = [(USER_OBJ, 7), (USER, 7, SOMEBODY), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 0)]


class AccessLists(Case):
    def test_what_is_set_is_there(self):
        write_file("f")
        os.mkdir("d")
        for path in "fd":
            os.setxattr(path, ACCESS, acl(*SHARED))
            self.assertEqual(get(path), SHARED)
            self.assertEqual(os.listxattr(path), [ACCESS])
            os.removexattr(path, ACCESS)
            self.assert_errno(errno.ENODATA, os.getxattr, path, ACCESS)
            os.removexattr(path, ACCESS)

    def test_the_mode_follows(self):
        write_file("f")
        os.setxattr("f", ACCESS, acl(*SHARED))
        self.assertEqual(self.mode("f"), 0o770)
        os.setxattr("f", ACCESS, acl((USER_OBJ, 6), (GROUP_OBJ, 4), (OTHER, 1)))
        self.assertEqual(self.mode("f"), 0o641)
        self.assertEqual(os.listxattr("f"), [])  # the mode says it all

    def test_it_follows_the_mode(self):
        write_file("f")
        os.setxattr("f", ACCESS, acl(*SHARED))
        os.chmod("f", 0o4614)
        self.assertEqual(self.mode("f"), 0o4614)
        self.assertEqual(get("f"), [(USER_OBJ, 6), (USER, 7, SOMEBODY), (GROUP_OBJ, 5), (MASK, 1),
                                    (OTHER, 4)])

    def test_it_counts(self):
        def read():
            open("d/f", "rb").close()

        def write():
            open("d/f", "r+b").close()

        os.mkdir("d", 0o700)
        write_file("d/f")
        os.chmod("d/f", 0o600)
        self.assertEqual(as_somebody(read), errno.EACCES)
        os.setxattr("d", ACCESS, acl(*SHARED))
        self.assertEqual(as_somebody(read), errno.EACCES)
        os.setxattr("d/f", ACCESS, acl((USER_OBJ, 6), (USER, 4, SOMEBODY), (GROUP_OBJ, 0),
                                       (GROUP, 6, 777), (MASK, 6), (OTHER, 0)))
        self.assertEqual(as_somebody(read), 0)
        self.assertEqual(as_somebody(write, [777]), errno.EACCES)  # the user's entry is the one
        os.setxattr("d/f", ACCESS, acl((USER_OBJ, 6), (GROUP_OBJ, 0), (GROUP, 6, 777), (MASK, 6),
                                       (OTHER, 0)))
        self.assertEqual(as_somebody(write), errno.EACCES)
        self.assertEqual(as_somebody(write, [777]), 0)
        os.chmod("d/f", 0o640)  # the mask: no writing
        self.assertEqual(as_somebody(write, [777]), errno.EACCES)
        self.assertEqual(as_somebody(read, [777]), 0)

    def test_only_the_owner_sets_it(self):
        write_file("f")
        self.assertEqual(as_somebody(lambda: os.setxattr("f", ACCESS, acl(*SHARED))), errno.EPERM)

    def test_nonsense_is_refused(self):
        write_file("f")
        for entries in ([(USER_OBJ, 7)],
                        [(GROUP_OBJ, 7), (USER_OBJ, 7), (OTHER, 7)],
                        [(USER_OBJ, 7), (USER, 7, 1), (GROUP_OBJ, 7), (OTHER, 7)],
                        [(USER_OBJ, 9), (GROUP_OBJ, 7), (OTHER, 7)],
                        [(USER_OBJ, 7), (GROUP_OBJ, 7), (OTHER, 7), (64, 0)]):
            self.assert_errno(errno.EINVAL, os.setxattr, "f", ACCESS, acl(*entries))
        self.assert_errno(errno.EACCES, os.setxattr, "f", DEFAULT, acl(*SHARED))

    def test_a_stranger_to_the_group_loses_setgid(self):
        write_file("f")
        os.chown("f", SOMEBODY, 777)
        for groups, mode in (([777], 0o2770), ([], 0o770)):
            os.chmod("f", 0o2755)
            self.assertEqual(as_somebody(lambda: os.setxattr("f", ACCESS, acl(*SHARED)), groups), 0)
            self.assertEqual(self.mode("f"), mode)


class Inheritance(Case):
    def setUp(self):
        super().setUp()
        os.mkdir("d")
        os.setxattr("d", DEFAULT, acl(*SHARED))

    def test_files_get_what_their_mode_allows(self):
        os.close(os.open("d/f", os.O_CREAT | os.O_WRONLY, 0o646))
        self.assertEqual(self.mode("d/f"), 0o640)
        self.assertEqual(get("d/f"), [(USER_OBJ, 6), (USER, 7, SOMEBODY), (GROUP_OBJ, 5), (MASK, 4),
                                      (OTHER, 0)])
        self.assertEqual(os.listxattr("d/f"), [ACCESS])
        os.mknod("d/n", 0o600)
        self.assertEqual(self.mode("d/n"), 0o600)
        self.assertEqual(get("d/n")[3], (MASK, 0))

    def test_directories_pass_it_on(self):
        os.makedirs("d/e/f")
        self.assertEqual(self.mode("d/e/f"), 0o770)
        self.assertEqual(get("d/e/f", DEFAULT), SHARED)
        self.assertEqual(get("d/e/f", ACCESS), SHARED)

    def test_it_replaces_the_umask(self):
        old = os.umask(0o077)
        try:
            os.close(os.open("d/f", os.O_CREAT | os.O_WRONLY, 0o666))
            os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o666))
        finally:
            os.umask(old)
        self.assertEqual(self.mode("d/f"), 0o660)
        self.assertEqual(self.mode("f"), 0o600)

    def test_symlinks_have_none(self):
        os.symlink("target", "d/s")
        self.assertEqual(os.listxattr("d/s", follow_symlinks=False), [])
        self.assertEqual(self.mode("d/s"), 0o777)

    def test_a_list_that_says_what_a_mode_can_leaves_none(self):
        os.setxattr("d", DEFAULT, acl((USER_OBJ, 7), (GROUP_OBJ, 5), (OTHER, 1)))
        write_file("d/f")
        self.assertEqual(self.mode("d/f"), 0o640)
        self.assertEqual(os.listxattr("d/f"), [])
        os.removexattr("d", DEFAULT)
        write_file("d/g")
        self.assertEqual(self.mode("d/g"), 0o644)
