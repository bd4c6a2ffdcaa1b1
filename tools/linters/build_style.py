"""The style of BUILD and .bzl files: order, quotes, indentation, our own rules.

Debian has no buildifier; this holds to the rules of it that matter when people read and merge.
"""

import ast
import io
import re
import tokenize

from tools.linters.problem import Problem

# Lists whose order means nothing, kept sorted so that two people's additions merge.
SORTED_ATTRIBUTES = (
    "data",
    "deps",
    "exports",
    "hdrs",
    "images",
    "implementation_deps",
    "private_deps",
    "private_hdrs",
    "srcs",
    "tags",
    "tools",
    "visibility",
)
# Native rules that ours replace.
OWN_RULES = {
    "cc_binary": "kh_cc_binary",
    "cc_library": "kh_cc_library",
    "cc_test": "kh_cc_test",
}
_INDENT = 4
_BEFORE_INDENTED = ("", "(", "[", "{", ",", ":")


def sort_key(text):
    """Buildifier's order: plain names, then ":local", "//package" and "@repository" labels."""
    if text.startswith(":"):
        phase = 1
    elif text.startswith("//"):
        phase = 2
    elif text.startswith("@"):
        phase = 3
    else:
        phase = 0
    return (phase, re.split("[.:]", text))


def _load_key(label):
    """Loads go from far to near: "@repository", then "//package", then ":local"."""
    return (-sort_key(label)[0], sort_key(label))


def is_ours(path):
    """Whether our cc rules must be used: not for the overlays of third parties, nor for rules."""
    return not path.startswith("third_party/") and not path.endswith((".bzl", "WORKSPACE"))


def check(path, text):
    """All problems of one file."""
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [Problem(path, error.lineno or 0, "syntax: %s" % error.msg)]
    problems = list(_check_tokens(path, text))
    problems += _check_trailing_commas(path, text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            problems += _check_call(path, node)
    if path.endswith(".bzl") and ast.get_docstring(tree) is None:
        problems.append(Problem(path, 1, "a .bzl file begins with a docstring"))
    problems += _check_loads(path, tree)
    return sorted(set(problems))


def _strings(node):
    """The values of a list of string literals, or None."""
    if not isinstance(node, ast.List):
        return None
    if not all(isinstance(e, ast.Constant) and isinstance(e.value, str) for e in node.elts):
        return None
    return [element.value for element in node.elts]


def _lists_in(node):
    """The list literals of an attribute: a list, sums of lists, branches of select()."""
    if isinstance(node, ast.List):
        yield node
    elif isinstance(node, ast.BinOp):
        yield from _lists_in(node.left)
        yield from _lists_in(node.right)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "select" and node.args:
        if isinstance(node.args[0], ast.Dict):
            for value in node.args[0].values:
                yield from _lists_in(value)


def _sortable_lists(tree, path):
    """List literals that must be sorted: (attribute, node)."""
    if path.endswith(".bzl"):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        for keyword in node.keywords:
            if keyword.arg in SORTED_ATTRIBUTES:
                for item in _lists_in(keyword.value):
                    yield keyword.arg, item


def _check_call(path, node):
    problems = []
    function = getattr(node.func, "id", "")
    names = [keyword.arg for keyword in node.keywords]
    if not path.endswith(".bzl"):
        for attribute, item in _sortable_lists(node, path):
            values = _strings(item)
            if values is None:
                continue
            if len(set(values)) != len(values):
                problems.append(Problem(path, item.lineno, "%s names something twice" % attribute))
            elif values != sorted(values, key=sort_key):
                problems.append(Problem(path, item.lineno, "%s is not sorted" % attribute))
        if "name" in names and names[0] != "name" and not node.args:
            problems.append(Problem(path, node.lineno, "name comes first"))
    if is_ours(path) and function in OWN_RULES:
        problems.append(
            Problem(path, node.lineno, "use %s of //tools:cc.bzl" % OWN_RULES[function])
        )
    return problems


def _check_loads(path, tree):
    """Loads stand at the top, in order, with sorted names, all of them used."""
    problems = []
    loads = [
        statement.value
        for statement in tree.body
        if isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and getattr(statement.value.func, "id", "") == "load"
    ]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for load in loads:
        names = [argument.value for argument in load.args[1:] if isinstance(argument, ast.Constant)]
        if names != sorted(names):
            problems.append(Problem(path, load.lineno, "loaded names are not sorted"))
        for name in names + [keyword.arg for keyword in load.keywords]:
            if name not in used:
                problems.append(Problem(path, load.lineno, "%s is loaded but not used" % name))
    if path.endswith("WORKSPACE"):
        return problems  # There a load must follow the repository that it loads from.
    files = [load.args[0].value for load in loads]
    if files != sorted(files, key=_load_key):
        problems.append(Problem(path, loads[0].lineno, "loads are not sorted: @, then //, then :"))
    return problems


def _tokens(text):
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def _check_tokens(path, text):
    first_on_line = set()
    before = ""
    for token in _tokens(text):
        row, column = token.start
        if token.type == tokenize.STRING and token.string.lstrip("rb").startswith("'"):
            if '"' not in token.string:
                yield Problem(path, row, "strings take double quotes")
        if token.type in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            continue
        if row not in first_on_line:
            first_on_line.add(row)
            # The second half of `a +` stands under the first, wherever that is.
            free = token.type == tokenize.COMMENT or before not in _BEFORE_INDENTED
            if column % _INDENT and not free:
                yield Problem(path, row, "indentation is not a multiple of %d" % _INDENT)
        before = token.string


def _missing_commas(text):
    """Tokens that end the last element of a bracket closed on a line of its own, without comma."""
    stack = []
    code = [
        token
        for token in _tokens(text)
        if token.type not in (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)
    ]
    missing = []
    for i, token in enumerate(code):
        if token.string in "([{" and token.type == tokenize.OP:
            stack.append({"open": i, "comma": False, "star": False, "for": False, "def": False})
            before = [t.string for t in code[max(0, i - 2) : i]]
            stack[-1]["def"] = before[:1] == ["def"]
            # A parenthesis around an expression, not a call.
            stack[-1]["group"] = token.string == "(" and (
                i == 0 or not (code[i - 1].type == tokenize.NAME or code[i - 1].string in ")]")
                or code[i - 1].string in ("in", "and", "or", "not", "if", "return", "else")
            )
        elif not stack:
            continue
        elif token.string in ("*", "**") and code[i - 1].string in ("(", ","):
            stack[-1]["star"] = True
        elif token.string == ",":
            stack[-1]["comma"] = True
        elif token.string == "for":
            stack[-1]["for"] = True
        elif token.string in ")]}" and token.type == tokenize.OP:
            bracket = stack.pop()
            last = code[i - 1]
            own_line = last.end[0] < token.start[0]
            is_index = token.string == "]" and code[bracket["open"] - 1].type == tokenize.NAME
            exempt = (
                bracket["star"]
                or bracket["for"]
                or bracket["def"]
                or is_index
                or (bracket["group"] and not bracket["comma"])
            )
            if own_line and last.string != "," and i - 1 > bracket["open"] and not exempt:
                missing.append(last)
    return missing


def _check_trailing_commas(path, text):
    return [
        Problem(path, token.end[0], "no comma after the last element")
        for token in _missing_commas(text)
    ]


def fix(path, text):
    """The text with quotes, commas and sorted lists mended."""
    try:
        ast.parse(text)
    except SyntaxError:
        return text
    text = _fix_quotes(text)
    text = _fix_commas(text)
    return _fix_lists(path, text)


def _line_offsets(text):
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    return offsets


def _fix_quotes(text):
    offsets = _line_offsets(text)
    for token in reversed(_tokens(text)):
        if token.type == tokenize.STRING and token.string.startswith("'"):
            if '"' in token.string or "\\" in token.string:
                continue
            start = offsets[token.start[0] - 1] + token.start[1]
            end = offsets[token.end[0] - 1] + token.end[1]
            text = text[:start] + token.string.replace("'", '"') + text[end:]
    return text


def _fix_commas(text):
    offsets = _line_offsets(text)
    for token in reversed(_missing_commas(text)):
        end = offsets[token.end[0] - 1] + token.end[1]
        text = text[:end] + "," + text[end:]
    return text


def _fix_lists(path, text):
    """Sorts lists that have one element a line, or that stand on one line, without comments."""
    lists = list(_sortable_lists(ast.parse(text), path))
    for _, node in sorted(lists, key=lambda item: -item[1].lineno):
        values = _strings(node)
        if not values:
            continue
        ordered = sorted(set(values), key=sort_key)
        if ordered == values:
            continue
        lines = text.split("\n")
        first, last = node.lineno - 1, node.end_lineno - 1
        quoted = ['"%s"' % value.replace("\\", "\\\\").replace('"', '\\"') for value in ordered]
        if first == last:
            line = lines[first]
            lines[first] = (
                line[: node.col_offset] + "[%s]" % ", ".join(quoted) + line[node.end_col_offset :]
            )
        else:
            body = lines[first + 1 : last]
            if len(body) != len(values) or any("#" in line for line in body):
                continue
            indent = body[0][: len(body[0]) - len(body[0].lstrip())]
            lines[first + 1 : last] = [indent + value + "," for value in quoted]
        text = "\n".join(lines)
    return text
