# SPDX-License-Identifier: Apache-2.0
"""Comments are written /* so */, and nothing is left for later."""
import source

LATER = r"\b(TODO|FIXME|XXX|HACK)\b"


def check(path, text):
    for match in source.TOKENS.finditer(text):
        number = source.line_of(text, match.start())
        if match.lastgroup == "line_comment":
            yield number, "comments are written /* so */"
        if match.lastgroup != "literal":
            for line, complaint in source.find_all(LATER, match.group(), "{}: do it or drop it"):
                yield number + line - 1, complaint


if __name__ == "__main__":
    source.run(check, (".c", ".h"))
