#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles each header alone, so that no header leans on what was included before it.

    check_headers.py BUILD

A header that a built source includes first has been compiled alone by that; only the others are
compiled here, with the options BUILD/compile_commands.json has for a source of their folder, or of
any other. The last line is "N passed, N failed, N skipped", a header each.
"""

import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def headers(top):
    for start in ("include", "src", "tests"):
        for directory, _, names in sorted(os.walk(os.path.join(top, start))):
            for name in sorted(names):
                if name.endswith((".h", ".hpp")):
                    yield os.path.join(directory, name)


def read_entries(build):
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        return json.load(file)


def included_first(entries):
    """Headers of ours that some source includes before anything else, precompiled or not."""
    found = set()
    for entry in entries:
        if "-include" in shlex.split(entry["command"]):
            continue
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        with open(source, encoding="utf-8") as file:
            first = re.search(r'^\s*#\s*include\s*(["<])([^">]+)', file.read(), re.M)
        if first and first[1] == '"':
            found.update(os.path.join(TOP, folder, first[2])
                         for folder in ("include", "src", "tests"))
    return found


def compilers(entries):
    """folder of the source (src/engine, ...) -> (directory, arguments without in and output)."""
    found = {}
    for entry in entries:
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        words, kept = shlex.split(entry["command"]), []
        skip = False
        for word in words:
            if skip or word in ("-c", "-MD", entry["file"]):
                skip = False
            elif word in ("-o", "-MQ", "-MF", "-include", "-include-pch"):
                # Precompiled headers would hide what a header does not include itself.
                skip = True
            else:
                kept.append(word)
        folder = os.path.dirname(os.path.relpath(source, TOP))
        found.setdefault(folder, (entry["directory"], kept))
    return found


def folder_for(header, known):
    """The folder whose options suit this header."""
    folder = os.path.dirname(os.path.relpath(header, TOP))
    folder = folder.replace("include/memcgfs", "src", 1)
    while folder and folder not in known:
        folder = os.path.dirname(folder)
    return folder if folder in known else sorted(known)[0]


def compile_alone(header, known, scratch):
    """The compiler's complaint, or nothing."""
    directory, words = known[folder_for(header, known)]
    source = os.path.join(scratch, header.replace("/", "_") + ".cc")
    with open(source, "w", encoding="utf-8") as file:
        # Twice, for the include guard.
        file.write('#include "%s"\n#include "%s"\n' % (header, header))
    command = [w for w in words if os.path.basename(w) != "ccache"]
    ours = ["-I" + os.path.join(TOP, folder) for folder in ("include", "src", "tests")]
    run = subprocess.run([*command, *ours, "-fsyntax-only", "-Wno-unused", source], cwd=directory,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return run.stdout if run.returncode else ""


def main(build):
    entries = read_entries(build)
    known, proven = compilers(entries), included_first(entries)
    todo = [header for header in headers(TOP) if header not in proven]
    failed, passed = 0, sum(header in proven for header in headers(TOP))
    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [(h, pool.submit(compile_alone, h, known, scratch)) for h in todo]
        for header, job in jobs:
            complaint = job.result()
            failed += bool(complaint)
            passed += not complaint
            if complaint:
                print("%s does not compile alone:\n%s" % (os.path.relpath(header, TOP), complaint))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
