"""The patterns of Harbor's filters: `*` within a segment, `**` across them, `?`, `{a,b}`."""

import re


def matches(pattern, text):
    """An empty pattern matches everything."""
    return not pattern or re.fullmatch(_expression(pattern), text) is not None


def _expression(pattern):
    expression = ""
    at = 0
    while at < len(pattern):
        if pattern.startswith("**", at):
            expression += ".*"
            at += 2
            continue
        if pattern[at] == "{" and "}" in pattern[at:]:
            end = pattern.index("}", at)
            choices = pattern[at + 1 : end].split(",")
            expression += "(?:" + "|".join(_expression(choice) for choice in choices) + ")"
            at = end + 1
            continue
        expression += {"*": "[^/]*", "?": "[^/]"}.get(pattern[at], re.escape(pattern[at]))
        at += 1
    return expression
