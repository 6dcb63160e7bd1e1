# SPDX-License-Identifier: Apache-2.0
"""Every source file starts with its licence; in a script it follows the #! line."""
import source

LICENCE = "SPDX-License-Identifier: Apache-2.0"


def check(path, text):
    lines = text.split("\n")
    if path.endswith((".c", ".h")):
        expected = f"/* {LICENCE} */"
    else:
        expected = f"# {LICENCE}"
        if lines[0].startswith("#!"):
            lines.pop(0)
    if lines[0] != expected:
        yield 1, f"must start with: {expected}"


if __name__ == "__main__":
    source.run(check, (".c", ".h", ".sh", ".py"))
