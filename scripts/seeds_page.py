# SPDX-License-Identifier: MIT
"""docs/seeds.md, from the lists of tests/seeds and the reports of their replays."""

import os
import re
import tomllib

HEAD = """# The example documents

Made by `scripts/replay-seeds` from what `memcgfs replay` says to the lists in `tests/seeds`; a test
runs it again and fails if it is not as written here.

| result | meaning |
|---|---|
| as the document says | all that is compared is as the document shows or says |
| as Linux | something is not as the document has it, and what came is what the list says that this kernel does |
| not compared | it ran; nothing of it can be compared |
| differs | something is neither |

Commands stand behind their line in the document. Behind lines in parentheses the document only says
something, and the command, the first of the list's own, looks whether it is so. What "differs" may be
what memcgfs does not have yet. A document's programs and workloads that use real memory have
stand-ins with simulated memory, which are named. The kernel is the profile that the row is run with;
the remarks are about that. "Of its time" is what comes of the row with the kernel that the document
was written for, `memcgfs replay --profile as-documented`.
"""

RESULTS = {"as shown": "as the document says", "as Linux": "as Linux", "differs": "**differs**",
           "not compared": "not compared", "not run": "**differs**: not run"}
COMMAND_MAX = 90
FIELDS = ("id", "verdict", "origin", "line", "command", "status", "why", "shown", "output")


def unescaped(field):
    return re.sub(r"\\(.)", lambda m: {"t": "\t", "n": "\n"}.get(m[1], m[1]), field)


def read_report(text):
    """{row id: (verdict, [command as a dict])}"""
    rows = {}
    for line in text.splitlines():
        kind, *fields = [unescaped(field) for field in line.split("\t")]
        if kind == "row":
            rows[fields[0]] = (fields[1], [])
        else:
            rows[fields[0]][1].append(dict(zip(FIELDS, fields)))
    return rows


def code(text):
    """On one line, as code in a table."""
    text = " ".join(text.split())
    if len(text) > COMMAND_MAX:
        text = text[:COMMAND_MAX].rstrip() + " ..."
    fence = "``" if "`" in text else "`"
    pad = " " if fence == "``" else ""
    return fence + pad + text.replace("|", "\\|") + pad + fence


def commands_cell(row, commands):
    """The document's own commands, or the first of the list's that it speaks of."""
    own = [command for command in commands if command["origin"] == "document"]
    if own:
        return "<br>".join("%s: %s" % (c["line"], code(c["command"])) for c in own)
    for step in row["step"]:
        if "says" in step:
            return "(%s) %s" % (step["says"], code(step["run"]))
    return code(commands[0]["command"]) if commands else ""


def stand_ins(world, commands):
    """What stands for something else in these commands."""
    text = "\n".join(command["command"] for command in commands)
    found = []
    for name, why in sorted(world.get("stand-ins", {}).items()):
        if re.search(r"(?<![\w./-])%s(?![\w-])" % re.escape(name), text):
            found.append("stand-in for %s: %s" % (code(name), why))
    if re.search(r"\bmemhog\b|\bstart\b", text):
        found.append("workload by `memcgfs hog`")
    return found


def remarks(row, world, verdict, commands):
    notes = []
    if verdict in ("differs", "not run"):
        bad = [c for c in commands if c["verdict"] in ("differs", "not run")]
        if "missing" in row:
            notes.append("not there yet: " + row["missing"])
        notes.append("%d of %d commands, first %s" % (
            len(bad), len(commands), code(bad[0]["command"])))
    for step in row["step"]:
        if "replace" in step:
            notes.append("%s replaced: %s" % (
                ", ".join(code(word) for word in step["replace"]), step["why"]))
    for command in commands:
        if command["verdict"] == "as Linux":
            notes.append(command["why"])
        elif command["verdict"] == "not compared":
            notes.append("not compared: " + command["why"])
    return "; ".join(list(dict.fromkeys(notes)) + stand_ins(world, commands))


def tally(verdicts):
    counts = {name: verdicts.count(name) for name in dict.fromkeys(RESULTS.values())}
    return ", ".join("%s: %d" % (name.replace("*", ""), count)
                     for name, count in counts.items() if count)


def section(path, report, documented=None):
    """`documented`: the report with the profiles of the document's time, if the list names them."""
    with open(path, "rb") as file:
        listed = tomllib.load(file)
    rows = read_report(report)
    then = read_report(documented) if documented is not None else None
    worlds = {world["name"]: world for world in listed["world"]}
    out = ["## %s" % listed["title"], "",
           "`tests/seeds/%s`" % os.path.basename(path), "",
           "| row | what | kernel | commands, after the document's line | result |%s remarks |" % (
               " of its time |" if then else ""),
           "|---|---|---|---|---|---|%s" % ("---|" if then else "")]
    results, results_then = [], []
    for row in sorted(listed["row"], key=lambda row: natural(row["id"])):
        world = worlds[row["world"]]
        verdict, commands = rows.get(row["id"], ("not run", []))
        results.append(RESULTS[verdict])
        cells = [row["id"], row["about"], world["profile"], commands_cell(row, commands),
                 RESULTS[verdict], remarks(row, world, verdict, commands) if commands else ""]
        if then is not None:
            results_then.append(RESULTS[then.get(row["id"], ("not run", []))[0]])
            cells.insert(5, "%s: %s" % (world["as-documented"], results_then[-1]))
        out.append("| %s |" % " | ".join(cells))
    out += ["", tally(results) + "."]
    if then is not None:
        out += ["", "Of its time: %s." % tally(results_then)]
    return "\n".join(out)


def natural(name):
    """E10 after E9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def make_page(results):
    """`results`: (list, report, report with the profiles of its time or None) of each document."""
    return "\n".join([HEAD] + [section(*result) + "\n" for result in results])
