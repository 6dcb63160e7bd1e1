# SPDX-License-Identifier: Apache-2.0
"""Accounts and transfers in SQLite, by several processes at once.

    sqlite_load.py create DB wal|delete       makes the database
    sqlite_load.py load DB WRITERS SECONDS    0 s: until the volume is gone
    sqlite_load.py check DB                   prints the time of the newest transfer

Each transfer changes two balances and leaves a row, in one transaction: the
balances always add up to 0 and are what the rows say, and the rows are numbered
without a gap. A reader looks at that all the time, and so does the check, after
SQLite's own.
"""
import multiprocessing
import os
import random
import sqlite3
import sys
import time

ACCOUNTS = 200
# What a database says when the gateway below it has gone.
GONE = ("disk I/O error", "unable to open database file", "attempt to write a readonly database")


def connect(path):
    connection = sqlite3.connect(path, timeout=120, isolation_level=None)
    connection.execute("pragma synchronous=full")
    connection.execute("pragma wal_autocheckpoint=100")
    connection.execute("pragma cache_size=50")  # transactions spill
    return connection


def create(path, journal_mode):
    connection = connect(path)
    connection.execute(f"pragma journal_mode={journal_mode}")
    connection.executescript("""
        begin;
        create table account (id integer primary key, balance integer not null);
        create table transfer (id integer primary key autoincrement, source integer not null,
            target integer not null, amount integer not null, at real not null, filler blob);
        create index by_source on transfer (source, at);
        commit;""")
    connection.executemany("insert into account values (?, 0)", [(i,) for i in range(ACCOUNTS)])
    connection.close()


def transfer(connection, rng):
    connection.execute("begin immediate")
    for _ in range(rng.choice([1, 1, 1, 1, 100])):
        source, target = rng.sample(range(ACCOUNTS), 2)
        amount = rng.randrange(1000)
        for account, change in ((source, -amount), (target, amount)):
            connection.execute("update account set balance = balance + ? where id = ?",
                               (change, account))
        connection.execute(
            "insert into transfer (source, target, amount, at, filler) values (?, ?, ?, ?, ?)",
            (source, target, amount, time.time(), rng.randbytes(rng.randrange(2000))))
    connection.execute("rollback" if rng.random() < 0.1 else "commit")


def complaints(connection):
    """What is wrong with the contents, as of one instant."""
    connection.execute("begin")
    balances = dict(connection.execute("select id, balance from account"))
    wanted = dict.fromkeys(range(ACCOUNTS), 0)
    for source, target, amount in connection.execute("select source, target, amount from transfer"):
        wanted[source] -= amount
        wanted[target] += amount
    count, newest = connection.execute(
        "select count(*), coalesce(max(id), 0) from transfer").fetchone()
    connection.execute("commit")
    if balances != wanted:
        yield "the balances are not what the transfers say"
    if count != newest:
        yield f"{count} transfers, the newest is number {newest}"


def write(path, seed, end):
    rng = random.Random(seed)
    connection = connect(path)
    while time.monotonic() < end:
        transfer(connection, rng)


def read(path, _seed, end):
    connection = connect(path)
    while time.monotonic() < end:
        for complaint in complaints(connection):
            raise AssertionError(complaint)
        time.sleep(0.2)


def work(job, path, seed, end, until_gone):
    try:
        job(path, seed, end)
    except sqlite3.DatabaseError as error:
        if not (until_gone and str(error) in GONE):
            raise


def load(path, writers, seconds):
    until_gone = seconds == 0
    end = time.monotonic() + (seconds or 10**6)
    processes = [
        multiprocessing.Process(target=work, args=(job, path, os.getpid() + i, end, until_gone))
        for i, job in enumerate([write] * writers + [read])]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return any(process.exitcode for process in processes)


def check(path):
    connection = connect(path)
    found = [row[0] for row in connection.execute("pragma integrity_check") if row[0] != "ok"]
    found += complaints(connection)
    newest = connection.execute("select coalesce(max(at), 0) from transfer").fetchone()[0]
    connection.close()
    for complaint in found:
        print(f"{path}: {complaint}", file=sys.stderr)
    print(newest)
    return bool(found)


def main(verb, path, *arguments):
    if verb == "create":
        return create(path, *arguments)
    if verb == "load":
        return load(path, int(arguments[0]), float(arguments[1]))
    return check(path)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
