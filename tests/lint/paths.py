# SPDX-License-Identifier: Apache-2.0
"""No file names a place of the machine that it was written on."""
import os
import re
import sys

import source

HOMES = r"(?<![\w.$}/])(/(?:home|root|Users)/[\w.-]+)"
SUFFIXES = (".c", ".h", ".py", ".sh", ".txt", ".json", ".md", ".cmake", ".yml", ".1", ".5", ".7",
            "/run")
# A tree in one of these says nothing: documents name them rightly.
COMMON = {"/", "/tmp", "/usr", "/usr/src", "/opt", "/srv", "/var", "/mnt", "/build", "/src"}


def places(top):
    """This tree and the directories above it."""
    place = os.path.abspath(top)
    while place not in COMMON and place != "/":
        yield place
        place = os.path.dirname(place)


def check_places(text, named):
    yield from source.find_all(HOMES, text, "{} is a place of one machine")
    for place in named:
        pattern = "(?<![\\w.$}/])(" + re.escape(place) + r")(?![\w-])"
        yield from source.find_all(pattern, text, "{} is where this tree lies")


if __name__ == "__main__":
    NAMED = list(places(sys.argv[1]))
    source.run(lambda path, text: check_places(text, NAMED), SUFFIXES)
