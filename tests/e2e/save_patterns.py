# SPDX-License-Identifier: Apache-2.0
"""The system calls with which programs save a document, as strace shows them.

    save_patterns.py check DIR            each of them, again and again
    save_patterns.py load DIR NOTES       saves until the volume is gone
    save_patterns.py survived DIR NOTES   what the notes say is there

NOTES, outside the volume, has for each pattern the version that is being saved;
after a crash that one or the one before must be there, whole.
"""
import fcntl
import json
import os
import random
import sys

SIZES = (0, 70, 4096, 30000, 500000)


def content(version):
    rng = random.Random(version)
    return b"version %d\n" % version + rng.randbytes(rng.choice(SIZES))


def write(path, data, flags=os.O_CREAT | os.O_EXCL, sync=False, mode=0o644):
    fd = os.open(path, os.O_WRONLY | flags, mode)
    try:
        for at in range(0, len(data), 16384):
            os.write(fd, data[at:at + 16384])
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


def remove(path):
    if os.path.lexists(path):
        os.unlink(path)


def libreoffice(path, data):
    """A lock file; the document open and locked; a copy beside it, renamed over it."""
    folder, name = os.path.split(path)
    lock = f"{folder}/.~lock.{name}#"
    temporary = f"{folder}/lu1234ab.tmp"
    remove(lock)  # of a crash before
    remove(temporary)
    write(lock, b",user,machine,23.11.2026 05:00,file:///home/user/.config;")
    document = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.lockf(document, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.pread(document, 65536, 0)
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.ftruncate(fd, 0)
    # The parts of the archive come first, then their sizes in its header.
    os.pwrite(fd, bytes(len(data[:30])), 0)
    os.pwrite(fd, data[30:], 30)
    os.pwrite(fd, data[:30], 0)
    os.fsync(fd)
    os.close(fd)
    os.chmod(temporary, os.fstat(document).st_mode & 0o7777)
    os.close(document)
    os.rename(temporary, path)
    os.unlink(lock)


def microsoft_office(path, data):
    """Over SMB: a temporary file; the document is renamed away, the new one to its
    name, the old one removed."""
    folder = os.path.dirname(path)
    new, old = f"{folder}/~WRD0000.tmp", f"{folder}/~WRL0001.tmp"
    if not os.path.exists(path) and os.path.exists(old):
        os.rename(old, path)  # as a user does after a crash between the renames
    remove(new)
    remove(old)
    write(new, data)
    if os.path.exists(path):
        os.rename(path, old)
    os.rename(new, path)
    remove(old)


def emacs(path, data):
    """A lock that is a dangling link; a hard link as backup; written anew and synced."""
    lock = f"{os.path.dirname(path)}/.#{os.path.basename(path)}"
    remove(lock)
    os.symlink("user@machine.4711:1795000000", lock)
    temporary = f"{path}.emacs"
    remove(temporary)
    write(temporary, data, sync=True)
    if os.path.exists(path):
        remove(f"{path}~")
        os.link(path, f"{path}~")
    os.rename(temporary, path)
    os.unlink(lock)


def gnome(path, data):
    """GLib: a file with a random name, fsynced, renamed over the document."""
    temporary = f"{os.path.dirname(path)}/.goutputstream-A1B2C3"
    remove(temporary)
    write(temporary, data, sync=True, mode=0o600)
    os.chmod(temporary, 0o644)
    os.rename(temporary, path)


def plain_rename(path, data):
    """Many scripts: a new file, not synced, renamed over the old one."""
    remove(f"{path}.new")
    write(f"{path}.new", data)
    os.rename(f"{path}.new", path)


PATTERNS = (libreoffice, microsoft_office, emacs, gnome, plain_rename)


def document(top, pattern):
    folder = f"{top}/{pattern.__name__}"
    os.makedirs(folder, exist_ok=True)
    return f"{folder}/document"


def check(top):
    for pattern in PATTERNS:
        path = document(top, pattern)
        for version in range(30):
            data = content(version)
            pattern(path, data)
            with open(path, "rb") as file:
                assert file.read() == data, f"{pattern.__name__}: version {version}"
            left = set(os.listdir(os.path.dirname(path))) - {"document", "document~"}
            assert not left, f"{pattern.__name__}: {left} is left"


def load(top, notes):
    # What was under way at the last crash is settled by what is there now.
    state = {pattern.__name__: version if saved(document(top, pattern), version) else version - 1
             for pattern, version in read_notes(notes).items()}
    number = max(state.values(), default=0)
    try:
        while True:
            number += 1
            for pattern in PATTERNS:
                state[pattern.__name__] = number
                with open(notes + ".new", "w") as file:
                    json.dump(state, file)
                os.replace(notes + ".new", notes)
                pattern(document(top, pattern), content(number))
    except OSError:
        pass  # the volume is gone


def read_notes(notes):
    """The version of each pattern, 0 before its first."""
    state = {}
    if os.path.exists(notes):
        with open(notes) as file:
            state = json.load(file)
    return {pattern: state.get(pattern.__name__, 0) for pattern in PATTERNS}


def saved(path, version):
    """Whether the document is of that version; between the renames of
    microsoft_office it has another name."""
    wanted = content(version) if version else None
    for place in (path, f"{os.path.dirname(path)}/~WRL0001.tmp"):
        if os.path.exists(place):
            with open(place, "rb") as file:
                return file.read() == wanted
    return wanted is None


def survived(top, notes):
    state = read_notes(notes)
    newest = max(state.values())
    at_work = [pattern for pattern, version in state.items() if version == newest][-1]
    lost = 0
    for pattern, version in state.items():
        path = document(top, pattern)
        if not saved(path, version) and not (pattern == at_work and saved(path, version - 1)):
            print(f"{pattern.__name__}: not version {version}, which was saved", file=sys.stderr)
            lost += 1
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit({"check": check, "load": load, "survived": survived}[sys.argv[1]](*sys.argv[2:]))
