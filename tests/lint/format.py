# SPDX-License-Identifier: Apache-2.0
"""The files are as clang-format writes them. Versions differ: the one that counts is 14."""
import os
import shutil
import subprocess
import sys

import source

VERSION = "14"


def find_program():
    for name in f"clang-format-{VERSION}", "clang-format":
        program = shutil.which(name)
        if program and f"version {VERSION}." in subprocess.check_output(
                [program, "--version"], text=True):
            return program
    return None


def main(top):
    program = find_program()
    if not program:
        print(f"skipped: clang-format {VERSION} is not installed")
        return source.EXIT_SKIPPED
    os.chdir(top)
    return subprocess.call([program, "--dry-run", "-Werror", *source.files(".", (".c", ".h"))])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
