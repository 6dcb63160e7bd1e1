# SPDX-License-Identifier: Apache-2.0
"""Disks that can lose power: files, loop devices, file systems on them.

All of it belongs to one process and its namespaces: the loop device of a file
system is detached by the kernel when that is unmounted, and all is unmounted
when the last process in the namespace ends, however it ends.
"""
import fcntl
import os
import socket
import subprocess
import time

FICLONE = 0x40049409
OUTER_BYTES = 16 << 30   # sparse
DISK_BYTES = 400 << 20   # what mkfs.xfs accepts, and room for a small cache
MKFS = {"ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
        "xfs": ["mkfs.xfs", "-q", "-f"]}
# A copy is mounted while the disk it was taken from is.
MOUNT_OPTIONS = {"ext4": "noatime", "xfs": "noatime,nouuid"}


def run(*command, **options):
    """Runs a command; its complaints are in the exception when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stdout}")
    return done.stdout


def mount_image(image, directory, fstype, direct_io, options=""):
    device = run("losetup", "--find", "--show", "--sector-size", "512",
                 *["--direct-io=on"] * direct_io, image).strip()
    try:
        os.makedirs(directory, exist_ok=True)
        run("mount", "-t", fstype, "-o", MOUNT_OPTIONS[fstype] + options, device, directory)
        if direct_io:
            name = os.path.basename(device)
            with open(f"/sys/block/{name}/loop/dio") as file:
                if file.read().strip() != "1":
                    raise RuntimeError(f"{device} does no direct I/O")
    finally:
        run("losetup", "-d", device)  # takes effect when it is unmounted


def unmount(directory):
    """Waits for those who still use it: a killed process ends soon."""
    for _ in range(100):
        done = subprocess.run(["umount", directory], capture_output=True, text=True)
        if done.returncode == 0:
            return
        time.sleep(0.05)
    run("umount", "-l", directory)


def clone(source, target):
    with open(source, "rb") as old, open(target, "wb") as new:
        fcntl.ioctl(new, FICLONE, old.fileno())


def copy(source, target):
    """Not a clone: a file that shares blocks is refused direct I/O of less
    than a block, and file systems write sectors."""
    run("cp", "--reflink=never", "--sparse=always", source, target)


def make_outer(work):
    """A file system with reflinks, for the images. Returns its directory."""
    image = os.path.join(work, "outer.img")
    with open(image, "wb") as file:
        file.truncate(OUTER_BYTES)
    run("mkfs.xfs", "-q", "-m", "reflink=1", image)
    mount_image(image, os.path.join(work, "outer"), "xfs", False)
    return os.path.join(work, "outer")


def make_image(path, fstype):
    with open(path, "wb") as file:
        file.truncate(DISK_BYTES)
    run(*MKFS[fstype], path)


class CloneDisk:
    """An image behind a loop device with direct I/O: what the file system has
    given to its disk is in the image, what is in the page cache is not. A
    power cut is an atomic clone of the image. The disk has no write cache."""

    name = "clone"

    def __init__(self, image, directory, fstype):
        self.image = image
        self.directory = directory
        mount_image(image, directory, fstype, True)

    def cut(self, path, seed):
        clone(self.image, path)

    def remove(self):
        unmount(self.directory)


class VolatileDisk:
    """A disk with a write cache that a power cut takes a part of (disk.c)."""

    name = "volatile"

    def __init__(self, image, directory, fstype):
        self.directory = directory
        self.door = image + ".door"
        self.socket = os.path.join(os.path.dirname(directory), "disk.socket")
        os.makedirs(self.door, exist_ok=True)
        self.process = subprocess.Popen([os.environ["POWER_DISK"], image, self.door, self.socket])
        while not os.path.exists(self.door + "/disk"):
            if self.process.poll() is not None:
                raise RuntimeError("the program of the disk has ended")
            time.sleep(0.01)
        mount_image(self.door + "/disk", directory, fstype, True)

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.socket)
            connection.sendall(line.encode() + b"\n")
            return connection.makefile().read().strip()

    def order(self, line):
        answer = self.command(line)
        if answer != "ok":
            raise RuntimeError(f"disk: {line}: {answer}")

    def cut(self, path, seed):
        self.order(f"cut {path} {seed}")

    def fail(self, operation, count, error="EIO"):
        self.order(f"fail {operation} {count} {error}")

    def failed(self):
        """How many reads, writes and flushes have failed."""
        return [int(word) for word in self.command("count").split()][1:6:2]

    def remove(self):
        unmount(self.directory)
        unmount(self.door)
        self.process.wait()


DISKS = {kind.name: kind for kind in (CloneDisk, VolatileDisk)}
