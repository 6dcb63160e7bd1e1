# SPDX-License-Identifier: Apache-2.0
"""Does a volume, as found after a power cut, hold what was promised?

For each worker of the load there must be a moment at which the names were as
they are found, not before the last promise; and for each file a version of
its content that is found, not before its last promise. And one moment must do
for all workers: the volume is as of one instant, no operation before another
that came later.
"""
import errno
import os
import sqlite3

import history
import operations


class Found:
    """A file's content, and its extended attribute."""

    def __init__(self, path):
        try:
            self.xattr = os.getxattr(path, operations.XATTR).decode()
        except OSError as error:
            if error.errno != errno.ENODATA:
                raise
            self.xattr = None
        with open(path, "rb") as file:
            self.data = file.read()
        self.size = len(self.data)
        self.digest = history.digest(self.data)


def find(top, worker):
    """path -> Found, or None for a directory; and what cannot be read, and why."""
    found, unreadable = {}, []
    start = os.path.join(top, worker)

    def note(error):
        unreadable.append((error.filename, error))

    if not os.path.isdir(start):
        return found, unreadable
    found[worker] = None
    for directory, folders, files in os.walk(start, onerror=note):
        for name in folders:
            found[os.path.relpath(os.path.join(directory, name), top)] = None
        for name in files:
            path = os.path.join(directory, name)
            try:
                found[os.path.relpath(path, top)] = Found(path)
            except OSError as error:
                unreadable.append((path, error))
    return found, unreadable


class Moment:
    """A span of time in which one worker's part is as it was found."""

    def __init__(self, begin, end, lost, partial):
        self.begin = begin
        self.end = end
        self.partial = partial  # a file that was found truncated, not refilled
        self.lost = lost  # steps that had returned, unpromised, and are not there


def matching_version(file, found, floor, upper):
    """The newest version that is found, or None."""
    for number in range(len(file.versions) - 1, floor - 1, -1):
        version = file.versions[number]
        if version.begin <= upper and version.matches(found):
            return number
    return None


def judge_contents(names, floors, found, upper):
    """0 or more complaints, and the Moment's bounds, for one state of names."""
    begin, end, lost, partial = -1, history.NEVER, 0, ""
    complaints = []
    for path, file in names.items():
        if file is None or found.get(path) is None:
            continue
        floor = max(file.floor, floors.get(file, 0))
        number = matching_version(file, found[path], floor, upper)
        if number is None:
            any_number = matching_version(file, found[path], 0, history.NEVER)
            complaints.append(
                f"{path}: {found[path].size} bytes are " +
                (f"version {any_number}" if any_number is not None else "none of its versions") +
                f", not one from {floor} to {len(file.versions) - 1} "
                f"(sizes {[version.size for version in file.versions[floor:]][:8]})")
            continue
        version = file.versions[number]
        begin = max(begin, version.begin)
        if version.partial:
            end, partial = min((end, partial), (version.end, path))
        lost += sum(later.end < history.NEVER for later in file.versions[number + 1:])
    return complaints, begin, end, lost, partial


def states_of(worker):
    """Each state of the names that may be found: (so many steps, names, xattrs, floors)."""
    names, xattrs, floors = {}, {}, {}
    for count, note in enumerate(worker.name_steps + [None]):
        if count >= worker.name_floor:
            yield count, names, xattrs, floors
        if note is None:
            return
        kind, path = note.step[0], note.step[1]
        if kind == "unlink":
            del names[path]
        elif kind == "rename":
            del names[path]
            names[note.step[2]] = note.file
            floors[note.file] = max(floors.get(note.file, 0), note.floor)
        elif kind == "rename_directory":
            names = history.moved_names(names, path, note.step[2])
        elif kind == "link":
            names[note.step[2]] = note.file
        elif kind == "xattr":
            xattrs[note.file] = note.step[2]
        else:
            names[path] = note.file


def difference(names, xattrs, found):
    """Paths of which kind or xattr are not as found."""
    kinds = {path: (file is None, xattrs.get(file)) for path, file in names.items()}
    found_kinds = {path: (file is None, file and file.xattr) for path, file in found.items()}
    return sorted(path for path in kinds.keys() | found_kinds.keys()
                  if kinds.get(path) != found_kinds.get(path))


def moments(worker, found):
    """All Moments of what was found, and what is wrong if there is none."""
    result, nearest = [], (history.NEVER, [])
    steps = worker.name_steps
    for count, names, xattrs, floors in states_of(worker):
        upper = steps[count].end if count < len(steps) else history.NEVER
        different = difference(names, xattrs, found)
        if different:
            nearest = min(nearest, (1000 + len(different), [f"names differ: {different[:6]}"]))
            continue
        complaints, begin, end, lost, partial = judge_contents(names, floors, found, upper)
        if complaints:
            nearest = min(nearest, (len(complaints), complaints))
            continue
        if count:
            begin = max(begin, steps[count - 1].begin)
        lost += sum(step.end < history.NEVER for step in steps[count:])
        result.append(Moment(begin, min(end, upper), lost, partial))
    return result, nearest[1]


def common_moment(all_moments, order_time):
    """A time that lies in one Moment of each worker: its losses, or None."""
    times = {order_time} | {moment.begin for each in all_moments.values() for moment in each}
    for time in sorted((time for time in times if time >= order_time), reverse=True):
        chosen = {name: [moment for moment in each if moment.begin <= time < moment.end]
                  for name, each in all_moments.items()}
        if all(chosen.values()):
            return {name: min(moment.lost for moment in each) for name, each in chosen.items()}
    return None


def check_database(path, promised, begun):
    if not promised and not os.path.exists(path):
        return
    connection = None
    try:
        connection = sqlite3.connect(path)
        check = connection.execute("pragma integrity_check").fetchone()[0]
        if check != "ok":
            yield f"{path}: {check}"
        if not promised and not connection.execute(
                "select 1 from sqlite_master where name = 't'").fetchone():
            return
        rows = connection.execute("select id, x from t order by id").fetchall()
    except sqlite3.Error as error:
        yield f"{path}: {error}"
        return
    finally:
        if connection:
            connection.close()
    if not promised <= len(rows) <= begun or len(rows) % 10:
        yield f"{path}: {len(rows)} rows; {promised} were committed, {begun} begun"
    for number, (key, text) in enumerate(rows):
        if key != number or text != operations.row_text(number):
            yield f"{path}: row {number} is wrong"
            return


def check(top, past):
    """Complaints, and how many unpromised steps each worker has lost."""
    complaints = []
    all_moments = {}
    for name, worker in past.workers.items():
        found, unreadable = find(top, name)
        complaints += [f"{path}: {error}" for path, error in unreadable]
        all_moments[name], wrong = moments(worker, found)
        if not all_moments[name]:
            complaints += [f"{name}: {text}" for text in wrong]
    for name, (promised, begun) in past.rows.items():
        complaints += check_database(os.path.join(top, name), promised, begun)
    lost = {}
    if all(all_moments.values()):
        lost = common_moment(all_moments, past.order_time)
        if lost is None:
            complaints.append("no one instant at which all workers' files were so: " + str(
                {name: [(moment.begin, moment.end, moment.partial) for moment in each]
                 for name, each in all_moments.items()}) + f", synced at {past.order_time}")
            lost = {}
    return complaints, lost
