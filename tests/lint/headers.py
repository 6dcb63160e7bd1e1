# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone: headers.py TOP COMPILER [FLAG...]"""
import concurrent.futures
import os
import subprocess
import sys

import source

FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", "-Wall", "-Wextra", "-Werror",
         "-fsyntax-only", "-x", "c", "-"]


def guard_of(text):
    """The name of the include guard, or None."""
    lines = [line for line in source.code_only(text).split("\n") if line.strip()]
    first = lines[0].split() if lines else []
    if len(lines) > 2 and first[:1] == ["#ifndef"] and lines[1].split()[:2] == ["#define", first[1]]:
        return first[1]
    return None


def check_header(top, path, command):
    """What is wrong with this header, or "". It is included twice: the guard must hold."""
    if not guard_of(source.read(top, path)):
        return f"{path}:1: has no include guard\n"
    unit = f'#include "{path}"\n#include "{path}"\n'
    done = subprocess.run(command, input=unit, text=True, capture_output=True, check=False)
    return f"{path} does not compile alone:\n{done.stderr}" if done.returncode else ""


def main(top, compiler, flags):
    command = [compiler, "-I", top, *flags, *FLAGS]
    headers = source.files(top, (".h",))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        complaints = "".join(pool.map(lambda path: check_header(top, path, command), headers))
    sys.stdout.write(complaints)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
