# SPDX-License-Identifier: Apache-2.0
"""Listings of directories, and handles of files."""
import ctypes
import errno
import os

from posix_cases.support import AT_FDCWD, Case, call, libc, write_file


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
