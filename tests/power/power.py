# SPDX-License-Identifier: Apache-2.0
"""Power cuts under a gateway that works, and what is there afterwards.

    power.py [--states N] [--seed S] [--disks clone,volatile] [--fs ext4,xfs]
             [--break PART]

Needs root, loop devices, and the environment that ctest sets: DRAY, POWER_DISK
and POWER_SKIP_SYNC. The long form, an hour or so:

    tests/power/run.sh --states 1000

A session is a volume, its cache on a disk that can lose power (storage.py),
and a load (load.py) that writes for a while. At each cut the gateway is
stopped, its store copied, and the disk's states after a power cut are taken.
Each state is mounted, the gateway is started on it with that store, and is
asked for what was promised (promises.py); then it drains, and what the bucket
alone brings back is compared. One state lives on: the next load goes on from
it, and what was there before has to stay.

--break PART lets the gateway skip the fdatasync of files whose path contains
PART (".wal", ".seg"): then promises have to be found broken, or it fails.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import gateway
import history
import operations
import promises
import storage

# How often a session goes on from a state, cuts before it does, and states that
# a volatile cache leaves at one instant (a clone is one state). The short form
# sees each kind of disk and file system once.
LONG = 3, 3, 4
SHORT = 2, 1, 2
SHORT_STATES_MAX = 12
UNSYNCED = operations.content("unsynced", 300000)
LINES_BEFORE_CUTS = 100
OUTER_FREE_MIN = 6 << 30


class Lost(Exception):
    """A state in which a promise is broken."""


# A gateway that cannot be asked, or does not drain, has not kept its promises.
FAILURES = Lost, OSError, RuntimeError


class Totals:
    def __init__(self, wanted):
        self.wanted = wanted
        self.states = self.cuts = self.promises = self.lost = self.unpromised = 0
        self.unsynced = self.unsynced_lost = 0
        self.mount_seconds = 0.0

    def __str__(self):
        return (f"{self.states} states of {self.cuts} power cuts, {self.promises} promises "
                f"checked, {self.lost} states with a promise lost; of what nobody was promised "
                f"{self.unpromised} steps were lost, and {self.unsynced_lost} of {self.unsynced} "
                f"files written just before without fsync; slowest recovery "
                f"{self.mount_seconds:.1f} s")


class Session:
    def __init__(self, work, outer, machine, disk, fstype, seed, broken, totals, form):
        self.work = work
        self.outer = outer
        self.machine = machine
        self.kind = storage.DISKS[disk]
        self.generations, self.cuts, self.states = form
        if disk == "clone":
            self.states = 1
        self.fstype = fstype
        self.seed = seed
        self.rng = random.Random(seed)
        self.broken = broken
        self.totals = totals
        self.title = f"{disk} {fstype} seed {seed}"
        self.image = self.path("image")
        self.store = self.path("store")
        self.frozen = {}  # directory -> file of tree.py, what has to stay
        storage.make_image(self.image, fstype)
        gateway.init_volume(self.store)

    def path(self, name):
        return os.path.join(self.outer, f"{self.seed}.{name}")

    def run(self):
        for self.generation in range(self.generations):
            try:
                if not self.run_generation():
                    return
            except FAILURES as lost:
                self.note_lost(f"{self.title} generation {self.generation}, living on", lost)
                return
        for name in os.listdir(self.outer):
            if name.startswith(f"{self.seed}."):
                remove(os.path.join(self.outer, name))

    def run_generation(self):
        """Works until the power is cut for good. False: enough states."""
        self.machine.boot()
        disk = self.kind(self.image, os.path.join(self.work, "disk"), self.fstype)
        mount = os.path.join(self.work, "mnt")
        environment = {"LD_PRELOAD": os.environ["POWER_SKIP_SYNC"],
                       "SKIP_SYNC": self.broken} if self.broken else {}
        live = load = None
        try:
            live = mount_or_lost(self.store, disk.directory + "/cache", mount,
                                 os.path.join(self.work, "gateway.log"), environment)
            self.totals.mount_seconds = max(self.totals.mount_seconds, live.mount_seconds)
            if self.generation:
                self.judge(mount, self.past)
                self.freeze(mount)
            self.top = f"g{self.generation}"
            os.mkdir(f"{mount}/{self.top}")
            self.log = self.path(f"log{self.generation}")
            load = subprocess.Popen([sys.executable, os.path.join(gateway.HERE, "load.py"),
                                     f"{mount}/{self.top}", self.log,
                                     f"{self.seed}.{self.generation}"])
            self.await_work(load)
            return self.cut_again_and_again(disk, live)
        finally:
            if live:
                live.kill()
            if load:
                load.wait()
            disk.remove()

    def await_work(self, load):
        while not os.path.exists(self.log) or len(self.lines()) < LINES_BEFORE_CUTS:
            if load.poll() is not None:
                raise RuntimeError(f"{self.title}: the load ended by itself")
            time.sleep(0.02)

    def freeze(self, mount):
        """What was found is what stays."""
        saved = self.path(f"tree{self.generation}")
        if gateway.tree("save", f"{mount}/{self.top}", saved).returncode:
            raise Lost(f"{self.top} cannot be read to its end")
        self.frozen[self.top] = saved

    def cut_again_and_again(self, disk, live):
        for cut in range(self.cuts):
            time.sleep(self.rng.uniform(0.1, 1.0))
            self.unsynced = f"{self.top}/unsynced{cut}"
            with open(f"{live.directory}/{self.unsynced}", "wb") as file:
                file.write(UNSYNCED)
            live.pause()
            try:
                states = self.take_states(disk, cut)
                if cut == self.cuts - 1:
                    self.image = self.path(f"image{self.generation}")
                    storage.copy(states[-1][0], self.image)
                    self.store = self.path(f"living{self.generation}")
                    gateway.copy_store(states[-1][1], self.store)
                for number, (image, store) in enumerate(states):
                    self.check_state(image, store, f"{self.title} generation "
                                     f"{self.generation} cut {cut} state {number}")
                    if self.totals.states >= self.totals.wanted:
                        return False
            finally:
                live.go_on()
        return True

    def lines(self):
        with open(self.log, "rb") as file:
            return [line for line in file.read().split(b"\n")[:-1]]

    def take_states(self, disk, cut):
        time.sleep(0.01)  # for calls that have returned to be logged
        promised = len(self.lines())
        states = []
        store = self.path(f"store{self.generation}.{cut}")
        gateway.copy_store(self.store, store)
        for number in range(self.states):
            image = self.path(f"state{number}")
            disk.cut(image, self.rng.getrandbits(63))
            states.append((image, f"{store}.{number}"))
            gateway.copy_store(store, states[-1][1])
        remove(store)
        self.past = history.History(self.lines(), promised, len(self.lines()))
        self.totals.cuts += 1
        return states

    def judge(self, mount, past):
        """Raises Lost when the mount does not hold what it has to."""
        complaints, lost = promises.check(f"{mount}/{self.top}", past)
        for directory, saved in self.frozen.items():
            compared = gateway.tree("check", f"{mount}/{directory}", saved)
            if compared.returncode:
                complaints.append(f"{directory}, which had been found before, changed: "
                                  f"{compared.stdout[:2000]}{compared.stderr[-500:]}")
        if complaints:
            raise Lost("\n".join(complaints))
        self.totals.promises += past.promises
        self.totals.unpromised += sum(lost.values())

    def count_unsynced(self, mount):
        """What nobody synced is lost: else these are no power cuts."""
        path = f"{mount}/{self.unsynced}"
        self.totals.unsynced += 1
        if os.path.exists(path):
            with open(path, "rb") as file:
                self.totals.unsynced_lost += file.read() != UNSYNCED
        else:
            self.totals.unsynced_lost += 1

    def check_state(self, image, store, title):
        self.totals.states += 1
        keep = self.path("kept")
        storage.clone(image, keep)
        gateway.copy_store(store, keep + ".store")
        try:
            self.check_mounted(image, store)
        except FAILURES as lost:
            self.note_lost(title, lost)
            self.keep(keep, title)
        finally:
            for path in (image, store, keep, keep + ".store"):
                remove(path)

    def note_lost(self, title, lost):
        self.totals.lost += 1
        if not self.broken:
            print(f"{title}:\n{lost}", flush=True)

    def keep(self, kept, title):
        """The state and what should be in it, for whoever looks for the cause."""
        if "POWER_KEEP" in os.environ and not self.broken:
            target = os.path.join(os.environ["POWER_KEEP"], title.replace(" ", "-"))
            os.makedirs(target)
            for source in (kept, kept + ".store", self.log):
                storage.run("cp", "-a", "--sparse=always", source, target)

    def check_mounted(self, image, store):
        disk = os.path.join(self.work, "state")
        mount = os.path.join(self.work, "state-mnt")
        saved = self.path("saved")
        self.machine.boot()
        storage.mount_image(image, disk, self.fstype, False)
        try:
            found = mount_or_lost(store, disk + "/cache", mount,
                                  os.path.join(self.work, "state.log"))
            self.totals.mount_seconds = max(self.totals.mount_seconds, found.mount_seconds)
            try:
                self.count_unsynced(mount)
                self.judge(mount, self.past)
                found.wait()
                gateway.tree("save", mount, saved)
                found.umount()
            finally:
                subprocess.run(["umount", "-l", mount], capture_output=True)
        finally:
            storage.unmount(disk)
        self.compare_bucket(store, mount, saved)

    def compare_bucket(self, store, mount, saved):
        cache = self.path("empty-cache")
        found = mount_or_lost(store, cache, mount, os.path.join(self.work, "state.log"))
        compared = gateway.tree("check", mount, saved)
        found.umount()
        remove(cache)
        if compared.returncode:
            raise Lost(f"the bucket differs from the files: {compared.stdout[:2000]}")


def mount_or_lost(store, cache, mount, log, environment=None):
    try:
        return gateway.Gateway(store, cache, mount, log, environment=environment)
    except RuntimeError as error:
        raise Lost(f"cannot be mounted: {error}") from None


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def missing():
    """Why it cannot run here, or None."""
    if os.geteuid():
        return "needs root"
    for device in ("/dev/fuse", "/dev/loop-control"):
        if not os.access(device, os.R_OK | os.W_OK):
            return f"no access to {device}"
    for program in ("losetup", "mkfs.xfs", "mkfs.ext4", "unshare"):
        if not shutil.which(program):
            return f"needs {program}"
    for attempt in (["losetup", "--find"], ["unshare", "--mount", "--pid", "--fork", "true"]):
        done = subprocess.run(attempt, capture_output=True, text=True)
        if done.returncode:
            return f"cannot {' '.join(attempt)}: {done.stderr.strip()}"
    with open("/proc/filesystems") as file:
        known = file.read().split()
    for fstype in storage.MKFS:
        if fstype not in known and not load_module(fstype):
            return f"the kernel knows no {fstype}"
    return None


def load_module(name):
    return shutil.which("modprobe") and not subprocess.run(["modprobe", name],
                                                           capture_output=True).returncode


def work_directory():
    """In memory if there is room: flushes of the host's disk prove nothing."""
    if "TMPDIR" not in os.environ and os.path.isdir("/dev/shm"):
        room = os.statvfs("/dev/shm")
        if room.f_bavail * room.f_frsize >= OUTER_FREE_MIN:
            return tempfile.mkdtemp(prefix="dray-power.", dir="/dev/shm")
    return tempfile.mkdtemp(prefix="dray-power.")


def run(arguments, work):
    totals = Totals(arguments.states)
    storage.run("mount", "--make-rprivate", "/")
    machine = gateway.Machine(work)
    outer = storage.make_outer(work)
    places = [(disk, fstype) for fstype in arguments.fs.split(",")
              for disk in arguments.disks.split(",")]
    form = SHORT if totals.wanted <= SHORT_STATES_MAX else LONG
    number = 0
    while totals.states < totals.wanted:
        disk, fstype = places[number % len(places)]
        Session(work, outer, machine, disk, fstype, arguments.seed + number,
                arguments.broken, totals, form).run()
        number += 1
        print(f"{disk} {fstype} seed {arguments.seed + number - 1}: so far {totals}", flush=True)
        if arguments.broken and totals.lost:
            break
    return verdict(arguments, totals)


def verdict(arguments, totals):
    print(f"seed {arguments.seed}: {totals}")
    if arguments.broken:
        print("the broken gateway was found out" if totals.lost else
              "FAILED: nobody noticed that the gateway is broken")
        return 0 if totals.lost else 1
    if not totals.unsynced_lost:
        print("FAILED: what was never synced was not lost: these were no power cuts")
        return 1
    return 1 if totals.lost else 0


def in_own_namespaces(function):
    """Calls function(work), with a directory to work in. Whatever ends it,
    nothing of it stays: no process, no mount. Returns the exit status."""
    if why := missing():
        print(f"skipped: {why}")
        return 77
    if "POWER_NAMESPACE" not in os.environ:
        os.execvpe("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                               "--mount-proc", sys.executable, *sys.argv],
                   {**os.environ, "POWER_NAMESPACE": "1"})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    work = work_directory()
    try:
        return function(work)
    finally:
        remove_work(work)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--states", type=int, default=SHORT_STATES_MAX)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument("--disks", default="volatile,clone")
    parser.add_argument("--fs", default="ext4,xfs")
    parser.add_argument("--break", dest="broken")
    arguments = parser.parse_args()
    return in_own_namespaces(lambda work: run(arguments, work))


def remove_work(work):
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split()[4] for line in file]
    for mount in reversed(mounts):
        if mount.startswith(work + "/"):
            subprocess.run(["umount", "-l", mount], capture_output=True)
    shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
