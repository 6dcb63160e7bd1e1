# SPDX-License-Identifier: Apache-2.0
"""Each rule complains about what breaks it, and about nothing else."""
import sys
import unittest

import calls
import comments
import headers
import includes
import lengths
import paths
import source
import spdx


class Source(unittest.TestCase):
    def test_comments_and_literals_are_blanked(self):
        code = source.code_only('a /* "b" \n c */ "d // \\" e" \'"\' f // g\nh')
        self.assertEqual(code.replace(" ", ""), 'a\n""\'\'f\nh')

    def test_shape_is_kept(self):
        text = 'int x; /* a\nb */ char *s = "/* no */";\n'
        code = source.code_only(text)
        self.assertEqual([len(line) for line in code.split("\n")],
                         [len(line) for line in text.split("\n")])


class Rules(unittest.TestCase):
    def complaints(self, check, text, path="cache/x.c"):
        return [number for number, _ in check(path, text)]

    def test_includes(self):
        def lines(text, path):
            return self.complaints(includes.check, text, path)
        self.assertEqual(lines('#include "backend/store.h"\n', "cache/x.c"), [])
        self.assertEqual(lines('#include "cache/x.h"\n', "cache/x.c"), [])
        self.assertEqual(lines('\n#include "cache/x.h"\n', "backend/x.c"), [2])
        self.assertEqual(lines('#include "fs/x.h"\n', "cache/x.h"), [1])
        self.assertEqual(lines('#include "backend/store.h"\n', "backend/base/x.c"), [1])
        self.assertEqual(lines('#include "backend/base/id.h"\n', "backend/x.c"), [])
        self.assertEqual(lines('#include "store.h"\n', "backend/x.c"), [1])
        self.assertEqual(lines('#include "tests/lib/x.h"\n', "fs/x.c"), [1])
        self.assertEqual(lines('#include "fs/x.h"\n', "tests/unit/test_x.c"), [])

    def test_homes_of_libraries(self):
        def lines(header, path):
            return self.complaints(includes.check, f"#include <{header}>\n", path)
        self.assertEqual(lines("fuse_lowlevel.h", "fs/session.c"), [])
        self.assertEqual(lines("fuse_lowlevel.h", "cache/io.c"), [1])
        self.assertEqual(lines("lmdb.h", "cache/index_lmdb.c"), [])
        self.assertEqual(lines("lmdb.h", "cache/index.c"), [1])
        self.assertEqual(lines("curl/curl.h", "backend/store_s3.c"), [1])
        self.assertEqual(lines("check.h", "backend/store.c"), [1])
        self.assertEqual(lines("stdio.h", "backend/store.c"), [])
        self.assertEqual(lines("zstd.h", "tests/unit/test_codec.c"), [])

    def test_lengths(self):
        def function(lines):
            return "int f(void)\n{\n" + "\tx();\n" * lines + "}\n"
        self.assertEqual(self.complaints(lengths.check, function(70)), [])
        self.assertEqual(self.complaints(lengths.check, function(71)), [2])
        self.assertEqual(self.complaints(lengths.check, "x\n" * 800), [])
        self.assertEqual(self.complaints(lengths.check, "x\n" * 801), [1])
        self.assertEqual(self.complaints(lengths.check, "\t" * 12 + "1234\n"), [])
        self.assertEqual(self.complaints(lengths.check, "\t" * 12 + "12345\n"), [1])
        self.assertEqual([name for name, _, _ in lengths.functions(
            "static int name(int a,\n\t\tint b)\n{\n}\nSTART_TEST(other)\n{\n}\n")],
            ["name", "other"])

    def test_spdx(self):
        licence = "SPDX-License-Identifier: Apache-2.0"
        self.assertEqual(self.complaints(spdx.check, f"/* {licence} */\n"), [])
        self.assertEqual(self.complaints(spdx.check, f"\n/* {licence} */\n"), [1])
        self.assertEqual(self.complaints(spdx.check, f"#!/bin/sh\n# {licence}\n", "x.sh"), [])
        self.assertEqual(self.complaints(spdx.check, "#!/bin/sh\n", "x.sh"), [1])

    def test_comments(self):
        self.assertEqual(self.complaints(comments.check, "/* a // b */ x\n"), [])
        self.assertEqual(self.complaints(comments.check, 'x("http://y")\n'), [])
        self.assertEqual(self.complaints(comments.check, "x\ny // z\n"), [2])
        self.assertEqual(self.complaints(comments.check, "/* a\n * TODO: b */\n"), [2])
        self.assertEqual(self.complaints(comments.check, 'mkdtemp("a-XXXXXX")\n'), [])

    def test_calls(self):
        def lines(text, path="cache/x.c"):
            return self.complaints(calls.check, text, path)
        self.assertEqual(lines("\tstrcpy(a, b);\n"), [1])
        self.assertEqual(lines("\tsnprintf(a, 1, b); mystrcpy(a); x->rand(); x.gets();\n"), [])
        self.assertEqual(lines("/* strcpy(a, b) */ \"gets()\"\n"), [])
        self.assertEqual(lines("\tp = malloc(5);\n"), [1])
        self.assertEqual(lines("\tp = malloc(5);\n", "tests/unit/x.c"), [])
        self.assertEqual(lines("\tassert(a == b && c <= d && e != f);\n"), [])
        self.assertEqual(lines("\tassert(a++);\n"), [1])
        self.assertEqual(lines("\tassert(f(a) &&\n\t (b = c));\n"), [1])
        self.assertEqual(lines("\tstatic_assert(x, \"a = b\");\n"), [])

    def test_paths(self):
        named = ["/some/where/tree", "/some/where"]
        def lines(text):
            return [number for number, _ in paths.check_places(text, named)]
        home = "/ho" + "me/"
        self.assertEqual(lines(f"a\ncd {home}me/x\n"), [2])
        self.assertEqual(lines("see /some/where/else\n"), [1])
        self.assertEqual(lines("see /some/wherever and $DIR/some/where\n"), [])
        self.assertEqual(lines("/usr/include /tmp/x s3://bucket/home/x\n"), [])

    def test_headers(self):
        self.assertEqual(headers.guard_of("/* a */\n#ifndef X\n#define X\n#endif\n"), "X")
        self.assertIsNone(headers.guard_of("#ifndef X\n#define Y\n#endif\n"))
        self.assertIsNone(headers.guard_of("/* nothing */\n"))


if __name__ == "__main__":
    sys.exit(unittest.main())
