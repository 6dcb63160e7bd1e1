# SPDX-License-Identifier: Apache-2.0
"""The control protocol of a gateway that holds d/file and d/\\xff:
control_cases.py CACHE MOUNTPOINT"""
import json
import os
import socket
import sys
import unittest

import control

CACHE, MOUNTPOINT = None, None
CONNECTIONS_MAX = 64


def connect():
    """A connection that is served. Clients of earlier tests may still be leaving."""
    while True:
        sock = control.connect(CACHE)
        if list(control.ask(sock, {"verb": "ping"}))[-1]["event"] == "done":
            return sock
        sock.close()


def ask(verb, **arguments):
    """The answer's lines."""
    with connect() as sock:
        return list(control.ask(sock, {"verb": verb, **arguments}))


class Control(unittest.TestCase):
    def test_ping(self):
        done = ask("ping")[-1]
        self.assertEqual(done["event"], "done")
        os.kill(done["pid"], 0)
        self.assertIs(done["mounted"], True)

    def test_status_has_the_promised_names(self):
        status = ask("status")[-1]["status"]
        for name in """volume url mountpoint state dirty_bytes dirty_files pending_files
                oldest_dirty_age_seconds cache_used_bytes cache_limit_bytes committed_seq
                committed_time uploads_in_flight upload_bytes_per_second eta_seconds failing
                last_error puts_total gets_total bytes_uploaded_total bytes_downloaded_total
                logical_bytes_committed_total""".split():
            self.assertIn(name, status)
        self.assertEqual(status["mountpoint"], MOUNTPOINT)
        self.assertEqual(status["cache"], CACHE)
        self.assertEqual(status["state"], "serving")

    def test_ls(self):
        *rows, done = ask("ls", paths=["/"])
        self.assertEqual(done, {"event": "done", "rows": 4})
        paths = [row["path"] for row in rows]
        self.assertEqual(paths[:2], ["/", "/d"])
        self.assertIn("/d/file", paths)
        self.assertIn({"hex": "2f642fff"}, paths)
        row = rows[paths.index("/d/file")]
        self.assertEqual((row["type"], row["size"]), ("file", 4))
        self.assertEqual(sorted(row), sorted("""event path type size mtime cached_bytes dirty_bytes
                dirty_since age_seconds state pending commit""".split()))

    def test_ls_of_what_is_not_there(self):
        error = ask("ls", paths=["/d", "/nothing"])[-1]
        self.assertEqual((error["event"], error["code"]), ("error", "ENOENT"))
        self.assertIn("/nothing", error["message"])

    def test_warm_evict_sync(self):
        for verb in ("warm", "evict"):
            done = ask(verb, paths=["/d"])[-1]
            self.assertEqual((done["event"], done["files"]), ("done", 2))
        self.assertEqual(ask("sync"), [{"event": "done"}])

    def test_malformed_lines_are_answered_and_the_connection_goes_on(self):
        with connect() as sock:
            for line in (b"\n", b"{", b"[]\n", b'{"verb":"fly"}\n', b"\xff\xfe\n", b"\0\n",
                         b'{"verb":"ls"}\n', b'{"verb":"ls","paths":["relative"]}\n'):
                sock.sendall(line if line.endswith(b"\n") else line + b"\n")
                answer = list(control.answers(sock))[-1]
                self.assertEqual((answer["event"], answer["code"]), ("error", "bad_request"))
                self.assertTrue(answer["message"])
            self.assertEqual(list(control.ask(sock, {"verb": "ping"}))[-1]["event"], "done")

    def test_a_line_may_come_in_pieces(self):
        with connect() as sock:
            for byte in b'{"verb":"ping"}\n':
                sock.sendall(bytes([byte]))
            self.assertEqual(list(control.answers(sock))[-1]["event"], "done")

    def test_several_requests_may_be_sent_at_once(self):
        with connect() as sock:
            sock.sendall(b'{"verb":"ping"}\n' * 3)
            with sock.makefile("r") as lines:
                for _ in range(3):
                    self.assertEqual(json.loads(lines.readline())["event"], "done")

    def test_a_line_too_long_ends_the_connection(self):
        with connect() as sock:
            try:
                sock.sendall(b"x" * (2 << 20))
                answer = list(control.answers(sock))[-1]
                self.assertEqual(answer["code"], "bad_request")
            except (BrokenPipeError, ConnectionResetError):
                pass  # it was quicker than our reading
        self.assertEqual(ask("ping")[-1]["event"], "done")

    def test_a_client_that_does_not_read_blocks_nobody(self):
        with connect() as deaf:
            deaf.setblocking(False)
            with self.assertRaises(BlockingIOError):
                while True:
                    deaf.send(b'{"verb":"ls","paths":["/"]}\n' * 1000)
            self.assertEqual(ask("ping")[-1]["event"], "done")

    def test_a_client_may_leave_while_it_waits(self):
        for _ in range(2 * CONNECTIONS_MAX):
            with control.connect(CACHE) as sock:
                try:
                    sock.sendall(b'{"verb":"wait"}\n')
                except BrokenPipeError:
                    pass  # refused, while earlier ones are still leaving
        self.assertEqual(ask("ping")[-1]["event"], "done")

    def test_connections_are_bounded(self):
        socks = []
        answer = {"event": "done"}
        while answer["event"] == "done":
            socks.append(control.connect(CACHE))
            answer = list(control.ask(socks[-1], {"verb": "ping"}))[-1]
        self.assertEqual(answer["code"], "try_again")
        self.assertLessEqual(len(socks), CONNECTIONS_MAX + 1)
        for sock in socks:
            sock.close()
        self.assertEqual(ask("ping")[-1]["event"], "done")


if __name__ == "__main__":
    CACHE, MOUNTPOINT = sys.argv[1], sys.argv[2]
    del sys.argv[1:]
    unittest.main()
