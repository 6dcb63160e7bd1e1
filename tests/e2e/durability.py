#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""System calls of a program, for rgw_faults_durability.sh: durability.py CASE PATH..."""
import errno
import os
import signal
import sys
import time


def state(path):
    return os.getxattr(path, "user.dray.state").decode()


def error_of(call, *arguments):
    """The errno of the call, or 0."""
    try:
        call(*arguments)
    except OSError as error:
        return error.errno
    return 0


def write(path, data=b"kept"):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    os.write(fd, data)
    return fd


def attributes(top):
    """Set, inherited, told, not listed, refused, removed."""
    safe, quick = os.path.join(top, "safe"), os.path.join(top, "quick")
    assert os.getxattr(safe, "user.dray.durability") == b"local"
    assert os.getxattr(quick, "user.dray.rpo") == b"60"
    os.setxattr(safe, "user.dray.durability", b"cloud")
    os.setxattr(quick, "user.dray.rpo", b"1")
    assert os.getxattr(safe + "/below", "user.dray.durability") == b"cloud"
    assert os.getxattr(quick + "/below", "user.dray.rpo") == b"1"
    assert os.listxattr(safe) == [] and os.listxattr(quick) == []
    for value in (b"", b"0", b"-1", b"1.5", b"x", b"99999999999999999999"):
        assert error_of(os.setxattr, quick, "user.dray.rpo", value) == errno.EINVAL, value
    assert error_of(os.setxattr, safe, "user.dray.durability", b"maybe") == errno.EINVAL
    file = os.path.join(top, "file")
    os.close(write(file))
    assert error_of(os.setxattr, file, "user.dray.rpo", b"5") == errno.ENOTDIR
    below = safe + "/below"
    os.setxattr(below, "user.dray.durability", b"local")
    assert os.getxattr(below, "user.dray.durability") == b"local"
    os.removexattr(below, "user.dray.durability")
    assert os.getxattr(below, "user.dray.durability") == b"cloud"
    assert error_of(os.removexattr, below, "user.dray.durability") == errno.ENODATA


def local(path):
    fd = write(path)
    os.fsync(fd)
    os.close(fd)
    assert state(path) != "cloud"


def cloud(path):
    """By fsync and by close alone; then nothing is left to wait for."""
    fd = write(path)
    os.fsync(fd)
    assert state(path) == "cloud", state(path)
    os.pwrite(fd, b"more", 4)
    os.close(fd)
    assert state(path) == "cloud", state(path)


def timeout(path):
    """Signals that are handled do not end the wait."""
    signals = []
    signal.signal(signal.SIGALRM, lambda *_: signals.append(1))
    fd = write(path)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
    assert error_of(os.fsync, fd) == errno.ETIMEDOUT
    assert error_of(os.close, fd) == errno.ETIMEDOUT
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert signals
    assert state(path) != "cloud"


def again(path):
    """The upload goes on; a time-out only says to wait once more."""
    fd = os.open(path, os.O_RDWR)
    while (error := error_of(os.fsync, fd)) == errno.ETIMEDOUT:
        pass
    assert not error, error
    assert state(path) == "cloud", state(path)
    os.close(fd)


def killed(path):
    pid = os.fork()
    if not pid:
        os.fsync(write(path))
        os._exit(0)
    while "fuse" not in open(f"/proc/{pid}/wchan").read() and "request" not in \
            open(f"/proc/{pid}/wchan").read():
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def check_state(path, *allowed):
    assert state(path) in allowed, state(path)


CASES = {"attributes": attributes, "local": local, "cloud": cloud, "timeout": timeout,
         "again": again, "killed": killed, "state": check_state}

if __name__ == "__main__":
    CASES[sys.argv[1]](*sys.argv[2:])
