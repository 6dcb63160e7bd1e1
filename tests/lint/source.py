# SPDX-License-Identifier: Apache-2.0
"""What every rule needs: the files of the source tree, and C without its comments and strings.

A rule is a module with a function check(path, text) that yields (line number, complaint) for one
file; path is relative to the top of the tree. run(check, suffixes) is its main program.
"""
import os
import re
import sys

SKIPPED_DIRECTORIES = {"build", "__pycache__"}
EXIT_SKIPPED = 77


def files(top, suffixes):
    """Paths below top, relative to it, that end with one of the suffixes; sorted."""
    found = []
    for directory, names, leaves in os.walk(top):
        names[:] = [n for n in names
                    if n not in SKIPPED_DIRECTORIES and (n[0] != "." or n == ".ci")]
        for leaf in leaves:
            path = os.path.relpath(os.path.join(directory, leaf), top)
            if path.endswith(suffixes):
                found.append(path)
    return sorted(found)


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


TOKENS = re.compile(r"""
    (?P<comment> /\*.*?(?:\*/|\Z) )
  | (?P<line_comment> //(?:\\\n|[^\n])* )
  | (?P<literal> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
""", re.VERBOSE | re.DOTALL)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """C text of the same shape, with comments, strings and characters blanked."""
    def replace(match):
        token = match.group()
        if match.lastgroup == "literal":
            return token[0] + blank(token[1:-1]) + token[-1]
        return blank(token)
    return TOKENS.sub(replace, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def find_all(pattern, text, complaint):
    """(line number, complaint) for each match; {} in the complaint is the match's first group."""
    for match in re.finditer(pattern, text, re.MULTILINE):
        found = match.group(1) if match.re.groups else match.group()
        yield line_of(text, match.start()), complaint.format(found)


def run(check, suffixes):
    """Checks all files of the tree that the first argument names; exits with 1 on complaints."""
    top = sys.argv[1]
    complaints = 0
    for path in files(top, suffixes):
        for number, complaint in check(path, read(top, path)):
            print(f"{path}:{number}: {complaint}")
            complaints += 1
    sys.exit(1 if complaints else 0)
