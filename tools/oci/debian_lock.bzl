"""The format of a lock file of Debian packages."""

_SHA256_DIGITS = 64

def parse_lock(text, source):
    """Reads a lock file.

    Args:
      text: its content; one package a line: name, version, SHA-256. A # starts a comment.
      source: its name, for messages.

    Returns:
      A list of structs with name, version and sha256.
    """
    packages = []
    names = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = [word for word in line.split("#")[0].split(" ") if word]
        if not words:
            continue
        place = "%s:%d: " % (source, number)
        if len(words) != 3:
            fail(place + "expected name, version, SHA-256")
        if len(words[2]) != _SHA256_DIGITS:
            fail(place + "a SHA-256 has %d digits" % _SHA256_DIGITS)
        if words[0] in names:
            fail(place + "%s is already pinned in line %d" % (words[0], names[words[0]]))
        names[words[0]] = number
        packages.append(struct(name = words[0], version = words[1], sha256 = words[2]))
    return packages
