# SPDX-License-Identifier: Apache-2.0
"""shellcheck has nothing to say about the scripts."""
import os
import shutil
import subprocess
import sys

import source


def scripts(top):
    """Files that a shell runs, by their first line, and those that scripts source."""
    for path in source.files(top, ""):
        with open(os.path.join(top, path), "rb") as file:
            first = file.readline(64)
        if path.endswith(".sh") or first.startswith((b"#!/bin/sh", b"#!/bin/bash")):
            yield path


def main(top):
    if not shutil.which("shellcheck"):
        print("skipped: shellcheck is not installed")
        return source.EXIT_SKIPPED
    found = list(scripts(top))
    os.chdir(top)
    return subprocess.call(["shellcheck", "--external-sources", "--", *found]) if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
