# SPDX-License-Identifier: Apache-2.0
"""An include points to the same layer or rightwards, and each library has one home.

    tools -> fs -> cache -> backend -> backend/base        tests may include anything
"""
import fnmatch
import re

import source

LAYERS = ["tools", "fs", "cache", "backend", "backend/base"]

# Where the headers of a library may be included.
HOMES = [
    (r"fuse", ["fs/*"]),
    (r"lmdb\.h", ["cache/index_lmdb.c"]),
    (r"curl/", ["backend/http.c"]),
    (r"expat", ["backend/store_s3_xml.c"]),
    (r"zstd|zdict", ["backend/codec.c"]),
    (r"openssl/", ["backend/digest.c", "backend/sign_s3.c", "backend/seal.c"]),
    (r"check\.h", []),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of(path):
    """The index in LAYERS, or None for tests and system headers."""
    for index in reversed(range(len(LAYERS))):
        if path.startswith(LAYERS[index] + "/"):
            return index
    return None


def check_own(path, included):
    layer = layer_of(path)
    target = layer_of(included)
    if "/" not in included:
        return f'"{included}" must be spelled with its layer'
    if layer is None or included.startswith(("linux/", "sys/")):
        return None
    if target is None:
        return f'"{included}" is of no layer'
    if target < layer:
        return f'{LAYERS[layer]} must not include "{included}" of {LAYERS[target]}'
    return None


def check_library(path, included):
    if layer_of(path) is None:
        return None
    for pattern, homes in HOMES:
        if re.match(pattern, included) and not any(fnmatch.fnmatch(path, h) for h in homes):
            return f"<{included}> belongs into {' or '.join(homes) or 'tests'} only"
    return None


def check(path, text):
    for match in INCLUDE.finditer(text):
        own = match.group(1) == '"'
        complaint = (check_own if own else check_library)(path, match.group(2))
        if complaint:
            yield source.line_of(text, match.start()), complaint


if __name__ == "__main__":
    source.run(check, (".c", ".h"))
