# SPDX-License-Identifier: Apache-2.0
"""Trees of files, with all that a file system keeps of them.

    tree.py make DIR [SEED]     makes files of all kinds below DIR
    tree.py save DIR FILE       writes down what is there
    tree.py check DIR FILE      compares; says what differs

Kept: names (any bytes), types, modes, owners, sizes, contents, where data and
holes are, modification times to the nanosecond, link targets, hard links,
device numbers, extended attributes.
"""
import hashlib
import os
import pickle
import random
import stat
import sys


def read_chunks(fd):
    while chunk := os.read(fd, 1 << 20):
        yield chunk


def contents(path):
    digest = hashlib.sha256()
    fd = os.open(path, os.O_RDONLY)
    try:
        for chunk in read_chunks(fd):
            digest.update(chunk)
    finally:
        os.close(fd)
    return digest.hexdigest()


def holes(path, size):
    """The data ranges, as lseek(2) tells them."""
    ranges = []
    fd = os.open(path, os.O_RDONLY)
    at = 0
    try:
        while at < size:
            try:
                start = os.lseek(fd, at, os.SEEK_DATA)
            except OSError:  # ENXIO: a hole to the end
                break
            at = os.lseek(fd, start, os.SEEK_HOLE)
            ranges.append((start, at))
    finally:
        os.close(fd)
    return ranges


def describe(path, first_names):
    """What is kept of one file. first_names: where an inode was met first."""
    info = os.lstat(path)
    kept = {
        "mode": info.st_mode, "uid": info.st_uid, "gid": info.st_gid,
        "mtime": info.st_mtime_ns, "links": info.st_nlink,
        "xattrs": {name: os.getxattr(path, name, follow_symlinks=False)
                   for name in os.listxattr(path, follow_symlinks=False)},
    }
    if not stat.S_ISDIR(info.st_mode):
        kept["same as"] = first_names.setdefault(info.st_ino, path)
    if stat.S_ISREG(info.st_mode):
        kept["size"] = info.st_size
        kept["contents"] = contents(path)
        kept["data"] = holes(path, info.st_size)
    elif stat.S_ISLNK(info.st_mode):
        kept["target"] = os.readlink(path)
    elif stat.S_ISBLK(info.st_mode) or stat.S_ISCHR(info.st_mode):
        kept["device"] = info.st_rdev
    return kept


def scan(top):
    """All files below top, by their path in it."""
    os.chdir(top)
    first_names = {}
    tree = {b".": describe(b".", first_names)}
    for directory, folders, files in os.walk(b"."):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(directory, name)
            tree[path] = describe(path, first_names)
    return tree


def check(top, saved):
    with open(saved, "rb") as file:
        wanted = pickle.load(file)
    found = scan(top)
    complaints = 0
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found or path not in wanted:
            print(path, "is missing" if path in wanted else "is new")
            complaints += 1
            continue
        for key in wanted[path].keys() | found[path].keys():
            if wanted[path].get(key) != found[path].get(key):
                print(path, key, "was", wanted[path].get(key), "is", found[path].get(key))
                complaints += 1
    return complaints


def make_file(path, rng):
    size = rng.choice([0, 1, 100, 4095, 4096, 4097, 20000, 131072, 700000])
    with open(path, "wb") as file:
        if rng.random() < 0.5:
            file.write(rng.randbytes(size))
        else:
            file.write((b"%d;some text that shrinks;" % size * (size // 20 + 1))[:size])


def make_sparse(path):
    with open(path, "wb") as file:
        file.truncate(50 << 20)
        for offset in (1 << 20, 7 << 20, (40 << 20) + 4096):
            file.seek(offset)
            file.write(b"island" * 2000)


def make_specials(top, rng):
    os.mkfifo(top + b"/fifo", 0o640)
    os.mknod(top + b"/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(top + b"/block", 0o600 | stat.S_IFBLK, os.makedev(259, 70000))
    os.symlink(b"nowhere/" + b"x" * 200, top + b"/dangling")
    os.symlink(b"sparse", top + b"/link")
    make_sparse(top + b"/sparse")
    os.link(top + b"/sparse", top + b"/sparse2")
    for name in (b"n" * 255, b"\xff\xfe not utf-8", "ä ö\n".encode(), b" "):
        make_file(top + b"/" + name, rng)
    make_file(top + b"/setuid", rng)
    os.chown(top + b"/setuid", 1234, 4321)
    os.chmod(top + b"/setuid", 0o6755)
    os.setxattr(top + b"/setuid", b"user.colour", b"green\0blue")
    os.setxattr(top + b"/setuid", b"user.large", rng.randbytes(3000))
    os.setxattr(top + b"/setuid", b"trusted.mark", b"")
    os.mkdir(top + b"/sticky")
    os.chmod(top + b"/sticky", 0o1777)
    os.setxattr(top + b"/sticky", b"user.kind", b"directory")


def make(top, seed):
    rng = random.Random(seed)
    top = os.fsencode(top)
    os.makedirs(top, exist_ok=True)
    directories = [top]
    for number in range(40):
        path = rng.choice(directories) + b"/dir%d" % number
        os.mkdir(path)
        directories.append(path)
    for number in range(400):
        make_file(rng.choice(directories) + b"/file%d" % number, rng)
    make_specials(top, rng)
    paths = [os.path.join(directory, name)
             for directory, folders, files in os.walk(top, topdown=False)
             for name in folders + files]
    for path in paths:
        when = rng.randrange(-10**18, 4 * 10**18)
        os.utime(path, ns=(when, when), follow_symlinks=False)


def main(verb, top, argument=None):
    if verb == "make":
        make(top, int(argument or 1))
    elif verb == "save":
        saved = os.path.abspath(argument)
        tree = scan(top)
        with open(saved, "wb") as file:
            pickle.dump(tree, file)
    elif verb == "check":
        return 1 if check(top, os.path.abspath(argument)) else 0
    else:
        raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
