# SPDX-License-Identifier: Apache-2.0
"""What Linux promises of a file system: posix.py DIR [MODULE[.CLASS[.TEST]]...]

The modules are those of posix_cases/. Each test works in a new directory below
DIR, as root; some as another user. All but those of class Ours hold for ext4 as
well: a new one is tried there first.
"""
import os
import pkgutil
import sys
import unittest

import posix_cases
from posix_cases import support


def main():
    support.TOP = os.path.abspath(sys.argv.pop(1))
    modules = [module.name for module in pkgutil.iter_modules(posix_cases.__path__)]
    chosen = sys.argv[1:] or [name for name in modules if name != "support"]
    unittest.main(module=None, argv=[sys.argv[0]] + ["posix_cases." + name for name in chosen])


if __name__ == "__main__":
    main()
