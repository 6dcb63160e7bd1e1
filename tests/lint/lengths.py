# SPDX-License-Identifier: Apache-2.0
"""Functions have at most 70 lines, files 800, lines 100 columns. Reports the longest."""
import re
import sys

import source

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
COLUMNS_MAX = 100
TAB = 8
LONGEST_SHOWN = 5


def functions(text):
    """(name, first line, lines between the braces): a function's braces stand in column 0."""
    lines = source.code_only(text).split("\n")
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif line.startswith("}") and start:
            yield name_before(lines, start), start, number - start - 1
            start = None


def name_before(lines, start):
    """The name in the head of a function, which ends above this line."""
    head = ""
    for line in reversed(lines[max(0, start - 8):start - 1]):
        head = line + " " + head
        name = re.search(r"(?:START_TEST\(|\b)(\w+)\s*[()]", head)
        if name and line[:1].strip():
            return name.group(1)
    return "?"


def check(path, text):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES_MAX:
        yield 1, f"{len(lines) - 1} lines; a file has at most {FILE_LINES_MAX}"
    for name, start, length in functions(text):
        if length > FUNCTION_LINES_MAX:
            yield start, f"{name}() has {length} lines; at most {FUNCTION_LINES_MAX}"
    for number, line in enumerate(lines, 1):
        columns = len(line.expandtabs(TAB))
        if columns > COLUMNS_MAX:
            yield number, f"{columns} columns; at most {COLUMNS_MAX}"


def report(top):
    """The longest files and functions, so that growth is seen before it is too much."""
    file_lengths = []
    function_lengths = []
    for path in source.files(top, (".c", ".h")):
        text = source.read(top, path)
        file_lengths.append((text.count("\n"), path))
        function_lengths += [(n, f"{path}: {name}()") for name, _, n in functions(text)]
    for title, lengths in ("files", file_lengths), ("functions", function_lengths):
        print(f"the longest of {len(lengths)} {title}:")
        for lines, name in sorted(lengths, reverse=True)[:LONGEST_SHOWN]:
            print(f"  {lines:4} {name}")


if __name__ == "__main__":
    report(sys.argv[1])
    source.run(check, (".c", ".h"))
