# SPDX-License-Identifier: Apache-2.0
"""Calls that are not made, each with what to use instead."""
import re

import source

BANNED = {
    "strcat": "struct buffer",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "alloca": "xmalloc",
    "tmpnam": "mkstemp",
    "mktemp": "mkdtemp or mkstemp",
}

# Not in the product; a test may know its arguments and its threads.
BANNED_IN_PRODUCT = {
    "strcpy": "snprintf",
    "strtok": "strcspn",
    "atoi": "strtol with its end checked",
    "atol": "strtol with its end checked",
    "atoll": "strtoll with its end checked",
    "ctime": "clock_format",
    "asctime": "clock_format",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "rand": "random_u64",
    "srand": "random_u64",
    "system": "posix_spawn or fork and exec",
    # these return NULL when memory is exhausted, which nobody can handle well
    "malloc": "xmalloc",
    "calloc": "xcalloc",
    "realloc": "xrealloc",
    "strdup": "xstrdup",
    "strndup": "xasprintf",
    "asprintf": "xasprintf",
    "vasprintf": "xasprintf",
}
ALLOCATOR = "backend/base/buffer.c"

CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")
ASSERT = re.compile(r"(?<!\w)assert\s*\(")
# ++, --, = and op=, but not ==, !=, <= and >=
SIDE_EFFECT = re.compile(r"\+\+|--|(?<![=!<>])=(?!=)|<<=|>>=")


def argument(code, start):
    """The text between the parenthesis at start and its partner."""
    depth = 0
    for end in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if depth == 0:
            return code[start + 1:end]
    return code[start:]


def check(path, text):
    code = source.code_only(text)
    banned = dict(BANNED)
    if not path.startswith("tests/") and path != ALLOCATOR:
        banned.update(BANNED_IN_PRODUCT)
    for match in CALL.finditer(code):
        name = match.group(1)
        if name in banned:
            yield source.line_of(code, match.start()), f"{name}(): use {banned[name]}"
    for match in ASSERT.finditer(code):
        if SIDE_EFFECT.search(argument(code, match.end() - 1)):
            yield source.line_of(code, match.start()), "assert() with a side effect"


if __name__ == "__main__":
    source.run(check, (".c", ".h"))
