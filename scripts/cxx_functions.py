# SPDX-License-Identifier: MIT
"""Finds C++ function bodies by their braces; no parser, but enough to measure lengths."""

import re

SCOPE = re.compile(r"\b(namespace|class|struct|union|enum|extern)\b")


def blank_literals(text):
    """The text with comments, strings and characters blanked, line for line."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\\ ]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'|^[ \t]*#(?:\\\n|[^\n])*", re.S | re.M)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def without_groups(text):
    """The text without what stands in (), [] and template brackets."""
    before = None
    while before != text:
        before = text
        text = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", text)
    return text


def opens_function(head):
    """Whether a brace after `head`, at namespace or class scope, opens a function's body."""
    bare = without_groups(head)
    if re.search(r"\boperator\b", bare):
        return True
    if SCOPE.search(re.sub(r"\btemplate\s*<[^{}]*?>", "", bare)) and ")" not in head:
        return False
    if SCOPE.match(bare.strip()):
        return False
    if "=" in bare:
        return False
    # "T name{...}" is a variable; "" and ", member_" continue a constructor's initialisers.
    return "(" in head or bare.strip() == "" or bare.lstrip().startswith(",")


def function_lengths(text):
    """(first line, number of lines) of each outermost function body, signature included."""
    text = blank_literals(text)
    stack, head_start, found = [], 0, []
    depth_in_function = 0
    for match in re.finditer(r"[{};]", text):
        at, char = match.start(), match[0]
        if char == "{":
            if depth_in_function:
                depth_in_function += 1
            else:
                head = text[head_start:at]
                inside_value = bool(stack) and stack[-1] == "value"
                if not inside_value and opens_function(head):
                    depth_in_function = 1
                    start = head_start + len(head) - len(head.lstrip())
                else:
                    scope = SCOPE.search(without_groups(head)) and "=" not in without_groups(head)
                    stack.append("scope" if scope and not inside_value else "value")
        elif char == "}":
            if depth_in_function:
                depth_in_function -= 1
                if depth_in_function == 0:
                    first = text.count("\n", 0, start) + 1
                    found.append((first, text.count("\n", 0, at) + 2 - first))
            elif stack:
                stack.pop()
        if not depth_in_function:
            head_start = at + 1
    return found
