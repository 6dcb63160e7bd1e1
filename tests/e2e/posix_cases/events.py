# SPDX-License-Identifier: Apache-2.0
"""inotify(7): what programs on this machine do is told to those who watch."""
import os
import select
import struct

from posix_cases.support import Case, call, in_child, libc, write_file

MODIFY = 0x2
ATTRIB = 0x4
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
IS_DIRECTORY = 0x40000000
IGNORED = 0x8000
ANY = (MODIFY | ATTRIB | CLOSE_WRITE | MOVED_FROM | MOVED_TO | CREATE | DELETE | DELETE_SELF |
       MOVE_SELF)


class Events(Case):
    def setUp(self):
        super().setUp()
        os.mkdir("d")
        self.fd = call(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self.addCleanup(os.close, self.fd)

    def watch(self, path):
        return call(libc.inotify_add_watch(self.fd, os.fsencode(path), ANY))

    def told(self):
        """The events so far: (mask, name)."""
        events = []
        while select.select([self.fd], [], [], 0)[0]:
            data = os.read(self.fd, 65536)
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                events.append((mask, data[16:16 + length].rstrip(b"\0").decode()))
                data = data[16 + length:]
        return events

    def test_names_come_and_go(self):
        self.watch("d")
        write_file("d/f", b"text")
        os.mkdir("d/sub")
        os.symlink("f", "d/link")
        os.rename("d/f", "d/g")
        os.rename("d/g", "out")
        os.rename("out", "d/in")
        os.unlink("d/in")
        os.rmdir("d/sub")
        self.assertEqual(self.told(), [
            (CREATE, "f"), (MODIFY, "f"), (CLOSE_WRITE, "f"),
            (CREATE | IS_DIRECTORY, "sub"), (CREATE, "link"),
            (MOVED_FROM, "f"), (MOVED_TO, "g"), (MOVED_FROM, "g"), (MOVED_TO, "in"),
            (DELETE, "in"), (DELETE | IS_DIRECTORY, "sub")])

    def test_contents_and_attributes_change(self):
        write_file("d/f", b"text")
        self.watch("d")
        fd = os.open("d/f", os.O_RDWR)
        for mask, change in (
                (MODIFY, lambda: os.write(fd, b"more")),
                (MODIFY, lambda: os.ftruncate(fd, 1)),
                (MODIFY, lambda: os.posix_fallocate(fd, 0, 8192)),
                (CLOSE_WRITE, lambda: os.close(fd)),
                (ATTRIB, lambda: os.chmod("d/f", 0o600)),
                (ATTRIB, lambda: os.utime("d/f", (1, 2))),
                (ATTRIB, lambda: os.setxattr("d/f", "user.name", b"value"))):
            change()
            self.assertEqual(self.told(), [(mask, "f")])

    def test_what_is_watched_goes(self):
        write_file("d/f")
        self.watch("d/f")
        os.rename("d/f", "d/g")
        os.unlink("d/g")
        self.assertEqual(self.told(), [
            (MOVE_SELF, ""), (ATTRIB, ""), (DELETE_SELF, ""), (IGNORED, "")])

    def test_others_are_heard(self):
        self.watch("d")
        self.assertEqual(in_child(lambda: write_file("d/f", b"text")), 0)
        self.assertEqual(self.told(), [(CREATE, "f"), (MODIFY, "f"), (CLOSE_WRITE, "f")])

    def test_who_waits_is_woken(self):
        self.watch("d")
        child = os.fork()
        if not child:
            write_file("d/f")
            os._exit(0)
        self.assertEqual(select.select([self.fd], [], [], 60)[0], [self.fd])
        os.waitpid(child, 0)
