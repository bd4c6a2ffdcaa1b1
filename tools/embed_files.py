"""Writes a C++ source with the bytes of files in it, as tools/embed.bzl asks.

Usage: embed_files.py HEADER NAMESPACE FUNCTION FILE...
"""

import os
import sys

# GCC and Clang take longer literals, but the standard promises no more.
_MAX_LITERAL = 60_000
_BYTES_PER_LINE = 2_000


def _escape(data):
    """The inside of a string literal."""
    out = []
    for byte in data:
        char = chr(byte)
        if char in '"\\?':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return "".join(out)


def _literal(data):
    lines = [data[i : i + _BYTES_PER_LINE] for i in range(0, len(data), _BYTES_PER_LINE)]
    return "\n        ".join('"' + _escape(line) + '"' for line in lines) or '""'


def main():
    header, namespace, function = sys.argv[1:4]
    entries = []
    for path in sys.argv[4:]:
        with open(path, "rb") as file:
            data = file.read()
        if len(data) > _MAX_LITERAL:
            sys.exit(f"{path}: {len(data)} bytes are more than {_MAX_LITERAL}")
        content = f"absl::string_view({_literal(data)}, {len(data)})"
        entries.append(f'      {{"{os.path.basename(path)}", {content}}},')
    print(f'#include "{header}"\n')
    print(f"namespace {namespace} {{\n")
    print(f"absl::Span<const EmbeddedFile> {function}() {{")
    print("  static constexpr EmbeddedFile kFiles[] = {")
    print("\n".join(entries))
    print("  };\n  return kFiles;\n}\n")
    print(f"}}  // namespace {namespace}")


if __name__ == "__main__":
    main()
