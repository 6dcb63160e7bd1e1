# SPDX-License-Identifier: Apache-2.0
"""A cache on a disk that fails: what the application and the operator are told.

Reads, writes and flushes of the disk (disk.c) fail on command, under ext4 and
under XFS. A failed fsync is reported and never forgotten; the mount becomes
read-only and says why; what was durable before is there afterwards.
"""
import errno
import json
import os
import sys
import time

import gateway
import power
import storage

DATA = os.urandom(150000)


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


def failure(call, *arguments):
    """The errno that the call fails with, or None."""
    try:
        call(*arguments)
        return None
    except OSError as error:
        return error.errno


def write_and_sync(path, data, sync=os.fsync):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        os.write(fd, data)
        sync(fd)
    finally:
        os.close(fd)


def write_and_close(path, data):
    write_and_sync(path, data, lambda fd: None)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sync_directory(path):
    write_fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(write_fd)
    finally:
        os.close(write_fd)


class Bench:
    """A gateway with its cache on a disk that can fail."""

    def __init__(self, work, fstype, name):
        self.fstype = fstype
        self.work = work
        self.image = os.path.join(work, "outer", name + ".image")
        self.store = os.path.join(work, "outer", name + ".store")
        self.log = os.path.join(work, name + ".log")
        self.mount = os.path.join(work, "mnt")
        storage.make_image(self.image, fstype)
        gateway.init_volume(self.store)
        self.start()

    def start(self):
        self.disk = storage.VolatileDisk(self.image, os.path.join(self.work, "disk"), self.fstype)
        # Nothing is uploaded: the cache has the only copy.
        self.gateway = gateway.Gateway(self.store, self.disk.directory + "/cache", self.mount,
                                       self.log, options=",upload-delay=1h")

    def stop(self):
        self.gateway.kill()
        self.disk.remove()

    def status(self):
        return json.loads(storage.run(os.environ["DRAY"], "status", self.mount, "--json"))

    def log_text(self):
        with open(self.log) as file:
            return file.read()

    def await_read_only(self):
        """The flusher looks each second."""
        for _ in range(600):
            if self.status()["state"] == "read-only":
                return
            time.sleep(0.05)
        raise AssertionError(f"still {self.status()['state']}")

    def write_what_is_kept(self):
        for name in ("/kept", "/other"):
            write_and_sync(self.mount + name, DATA)

    def expect_refusals(self):
        """Nothing is accepted any more, and nothing claims to be durable."""
        path = self.mount + "/kept"
        expect(failure(write_and_sync, self.mount + "/other", b"y") is not None,
               "a later fsync claims success")
        expect(failure(sync_directory, self.mount) is not None,
               "a later fsync of a directory claims success")
        expect(failure(os.mkdir, self.mount + "/new") is not None, "a directory can be made")
        expect(failure(os.rename, path, path + "2") is not None, "a file can be renamed")
        expect(self.status()["state"] == "read-only", "the status does not say read-only")
        expect(self.status()["state_cause"], "the status gives no cause")
        expect("nothing can be changed until" in self.log_text(), "the log says nothing")
        expect(read(path) == DATA, "what is there cannot be read")

    def expect_whole_or_gone(self, name):
        """What the application was told about: no file that nobody can read,
        nothing that holds up the uploads."""
        if os.path.exists(self.mount + name):
            expect(read(self.mount + name) in (b"", DATA), f"{name} is neither old nor new")
        self.gateway.wait()

    def expect_kept_after_repair(self):
        for operation in ("read", "write", "flush"):
            self.disk.fail(operation, 0)
        self.stop()
        self.start()
        expect(read(self.mount + "/kept") == DATA, "what was durable before is lost")
        expect(self.status()["state"] == "serving", "the repaired disk is not used")
        write_and_sync(self.mount + "/after", DATA)


def boots_are_told_from_mounts():
    """Linux 6.8: each mount has a number of its own (cache/boot_id.h)."""
    version = tuple(int(word) for word in os.uname().release.split(".")[:2])
    return version >= (6, 8)


def failed_fsync(bench, operation, error):
    """fsync fails when its flush does; so does everything from then on."""
    bench.write_what_is_kept()
    bench.disk.fail(operation, -1, error)
    got = failure(write_and_sync, bench.mount + "/lost", DATA)
    expect(got in (errno.EIO, errno.ENOSPC, errno.EROFS), f"fsync: {got}")
    bench.disk.fail(operation, 0)
    bench.expect_refusals()
    bench.expect_kept_after_repair()
    if boots_are_told_from_mounts():
        bench.expect_whole_or_gone("/lost")


def fsync_fails_when_the_disk_does_not_flush(bench):
    failed_fsync(bench, "flush", "EIO")


def fsync_fails_when_the_disk_does_not_write(bench):
    failed_fsync(bench, "write", "EIO")


def fsync_fails_when_the_disk_is_full_behind_the_file_system(bench):
    failed_fsync(bench, "write", "ENOSPC")


def small_fsync_fails_too(bench):
    """Whose bytes would have gone into the journal."""
    bench.write_what_is_kept()
    bench.disk.fail("flush", -1)
    for sync in (os.fsync, os.fdatasync):
        expect(failure(write_and_sync, bench.mount + "/small", b"x", sync) is not None,
               f"{sync.__name__} claims success")
    bench.disk.fail("flush", 0)
    bench.expect_refusals()
    bench.expect_kept_after_repair()


def synchronous_writes_fail_too(bench):
    bench.write_what_is_kept()
    bench.disk.fail("flush", -1)
    fd = os.open(bench.mount + "/synchronous", os.O_CREAT | os.O_WRONLY | os.O_DSYNC)
    got = failure(os.write, fd, b"x")
    failure(os.close, fd)
    expect(got is not None, "a write with O_DSYNC claims success")
    bench.disk.fail("flush", 0)
    bench.expect_refusals()
    bench.expect_kept_after_repair()


def nobody_has_to_ask(bench):
    """Without any fsync, the mount turns read-only as soon as it is known."""
    bench.write_what_is_kept()
    bench.disk.fail("flush", -1)
    write_and_close(bench.mount + "/unsynced", DATA)
    bench.await_read_only()
    bench.disk.fail("flush", 0)
    bench.expect_refusals()
    bench.expect_kept_after_repair()


def a_read_fails_rather_than_lies(bench):
    """Nor is it remembered: the disk may have had a moment."""
    bench.write_what_is_kept()
    bench.gateway.umount()
    bench.disk.remove()
    bench.start()  # with nothing in the page cache, and no journal to replay
    bench.disk.fail("read", -1)
    got = failure(read, bench.mount + "/kept")
    expect(got == errno.EIO, f"read: {got}")
    bench.disk.fail("read", 0)
    expect(read(bench.mount + "/kept") == DATA, "the read is not tried again")
    bench.expect_kept_after_repair()


def fill(path):
    """Leaves no room on the file system of the cache."""
    fd = os.open(path, os.O_CREAT | os.O_WRONLY)
    for step in (1 << 20, 4096):
        while failure(os.write, fd, bytes(step)) is None:
            pass
    failure(os.fsync, fd)
    os.close(fd)


def a_full_disk_refuses_and_forgets_nothing(bench):
    """Writers are told; what had been accepted stays, also over a kill."""
    bench.write_what_is_kept()
    ballast = bench.disk.directory + "/ballast"
    fill(ballast)
    accepted = []
    refused = None
    for number in range(100):
        path = f"{bench.mount}/full{number}"
        refused = failure(write_and_sync, path, DATA)
        if refused is not None:
            break
        accepted.append(path)
    expect(refused == errno.ENOSPC, f"a full disk: {refused}")
    os.unlink(ballast)
    write_and_sync(bench.mount + "/room", DATA)
    accepted.append(bench.mount + "/room")
    bench.stop()
    bench.start()
    for path in accepted:
        expect(read(path) == DATA, f"{path}, whose fsync had returned, is lost")
    bench.expect_kept_after_repair()


CASES = (fsync_fails_when_the_disk_does_not_flush, fsync_fails_when_the_disk_does_not_write,
         fsync_fails_when_the_disk_is_full_behind_the_file_system, small_fsync_fails_too,
         synchronous_writes_fail_too, nobody_has_to_ask, a_read_fails_rather_than_lies,
         a_full_disk_refuses_and_forgets_nothing)


def run_case(work, case, fstype):
    bench = Bench(work, fstype, f"{fstype}.{case.__name__}")
    try:
        case(bench)
        return True
    except (AssertionError, OSError, RuntimeError) as error:
        print(f"FAILED: {case.__name__} on {fstype}: {error!r}")
        print(bench.log_text()[-3000:])
        return False
    finally:
        try:
            bench.stop()
        except (OSError, RuntimeError) as error:
            print(f"{case.__name__}: {error}")


def run(work):
    storage.run("mount", "--make-rprivate", "/")
    storage.make_outer(work)
    names = sys.argv[1:]
    failed = [case for fstype in storage.MKFS for case in CASES
              if (not names or case.__name__ in names) and not run_case(work, case, fstype)]
    print(f"{len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(power.in_own_namespaces(run))
