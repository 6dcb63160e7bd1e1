# SPDX-License-Identifier: Apache-2.0
"""What the log of a load (load.py) means for the volume after a power cut.

Time is counted in lines of the log. Each worker's operations become steps
(operations.py), one after the other: changes of names, and versions of the
content of each file. Two times are known of a cut: all that ended before
`promised` had returned before the cut, and nothing that began after `begun`
had begun.
"""
import hashlib
import json

import operations

NEVER = float("inf")
PAGE = 4096
NAME_STEPS = ("create", "mkdir", "rename", "rename_directory", "link", "unlink", "xattr")


def digest(data):
    return hashlib.blake2b(data, digest_size=16).digest()


class Version:
    def __init__(self, begin, end, data, partial=False, bulk=None):
        self.begin = begin
        self.end = end
        self.digest = digest(data)
        self.size = len(data)
        self.partial = partial  # only on the way to the next version
        self.bulk = bulk        # came in parts

    def matches(self, found):
        if self.bulk is not None:
            return self.size >= found.size and all(map(self.has_part, range(0, found.size, PAGE),
                                                       iter_pages(found.data)))
        return found.digest == self.digest

    def has_part(self, offset, page):
        """Each page is there or not; the kernel hands them over in any order."""
        return page in (self.bulk[offset:offset + len(page)], bytes(len(page)))


def moved_names(names, old, new):
    """The names after their directory `old` was renamed to `new`."""
    below = old + "/"
    return {new + path[len(old):] if path == old or path.startswith(below) else path: file
            for path, file in names.items()}


def iter_pages(data):
    return (data[offset:offset + PAGE] for offset in range(0, len(data), PAGE))


class File:
    def __init__(self, begin, end):
        self.data = b""
        self.versions = [Version(begin, end, b"")]
        self.floor = 0  # the version that was promised

    def change(self, begin, end, step):
        kind, change = step[0], step[2]
        if kind == "bulk":
            self.data = change
            self.versions.append(Version(begin, end, change, bulk=change))
            return
        self.data = change(self.data)
        self.versions.append(Version(begin, end, self.data, partial=kind == "part"))


class NameStep:
    def __init__(self, begin, end, step, file=None, floor=0):
        self.begin = begin
        self.end = end
        self.step = step
        self.file = file
        self.floor = floor  # of the file, when this step is there


class WorkerHistory:
    def __init__(self):
        self.names = {}        # now: path -> File, or None for a directory
        self.name_steps = []
        self.files = []
        self.name_floor = 0    # so many name steps were promised
        self.operations = 0    # that ended before `promised`

    def take(self, begin, end, operation):
        for step in operation.steps():
            if step[0] in NAME_STEPS:
                self.take_name(begin, end, step)
            else:
                self.names[step[1]].change(begin, end, step)

    def take_name(self, begin, end, step):
        kind, path = step[0], step[1]
        note = NameStep(begin, end, step)
        if kind == "create":
            note.file = self.names[path] = File(begin, end)
            self.files.append(note.file)
        elif kind == "mkdir":
            self.names[path] = None
        elif kind == "unlink":
            del self.names[path]
        elif kind == "rename_directory":
            self.names = moved_names(self.names, path, step[2])
        elif kind == "link":
            note.file = self.names[step[2]] = self.names[path]
        elif kind == "xattr":
            note.file = self.names[path]
        else:
            note.file = self.names.pop(path)
            replaced = self.names.get(step[2])
            if replaced and any(version.size for version in replaced.versions[-1:]):
                note.floor = len(note.file.versions) - 1
            self.names[step[2]] = note.file
        self.name_steps.append(note)

    def promise(self, operation):
        """The operation returned: its file, and the names up to here."""
        self.name_floor = max(self.name_floor, len(self.name_steps) - operation.unsynced_names)
        file = self.names[operation.path]
        file.floor = len(file.versions) - 1

    def promise_all_before(self, names_time, contents_time):
        """Steps that had ended when something durable began are durable."""
        while self.name_floor < len(self.name_steps) and \
                self.name_steps[self.name_floor].end < names_time:
            self.name_floor += 1
        for file in self.files:
            while file.floor + 1 < len(file.versions) and \
                    file.versions[file.floor + 1].end < contents_time:
                file.floor += 1


class History:
    """Reads the lines of a log up to `begun`; `promised` as above."""

    def __init__(self, lines, promised, begun):
        self.workers = {}
        self.rows = {}           # database -> (promised, begun)
        self.order_time = -1     # begin of the last operation that synced
        self.volume_time = -1    # begin of the last one that synced all
        self.promises = 0
        self.ended = 0
        ends = {}
        for time, line in enumerate(lines[:promised]):
            words = json.loads(line)
            if words[0] == "end":
                ends[words[1], words[2]] = time
        for time, line in enumerate(lines[:begun]):
            words = json.loads(line)
            if words[0] == "begin":
                self.take(time, ends.get((words[1], words[2]), NEVER), *words[1:])
        for worker in self.workers.values():
            worker.promise_all_before(self.order_time, self.volume_time)

    def take(self, begin, end, name, number, kind, arguments):
        operation = operations.KINDS[kind](**arguments)
        if kind == "Insert":
            old = self.rows.get(name, (0, 0))[0]
            self.rows[name] = (operation.row + 10 if end < NEVER else old, operation.row + 10)
        else:
            self.workers.setdefault(name, WorkerHistory()).take(begin, end, operation)
        if end == NEVER:
            return
        self.ended += 1
        if not operation.sync:
            return
        self.promises += 1
        self.order_time = max(self.order_time, begin)
        if operation.sync == "file":
            self.workers[name].promise(operation)
        elif operation.sync == "volume":
            self.volume_time = max(self.volume_time, begin)
            self.workers[name].promise_all_before(begin, begin)
