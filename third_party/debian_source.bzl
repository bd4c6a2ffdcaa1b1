"""Repository rules that build from Debian's source packages, pinned by version and SHA-256.

A Debian source package is two archives: upstream's own (`orig`), which never changes while Debian
stays on that upstream version, and Debian's patches, which change when Debian revises the package
(for example with a security fix). Both are pinned. Where they are served from is asked of apt, so
that no host name is written down here; a private copy of apt's source lists is used, and the
system's own apt state stays untouched.
"""

# Only the name of the local copy matters to Bazel's cache, which finds an archive by its SHA-256.
_CACHE_ONLY_URL = "file:///nonexistent/only-from-the-repository-cache"

_APT_FLAGS = [
    "-o",
    "Dir::Etc::SourceList=/dev/null",
    "-o",
    "Dir::Cache::pkgcache=",
    "-o",
    "Dir::Cache::srcpkgcache=",
    "-o",
    "APT::Sandbox::User=root",
]

# Turns every `deb` source of the system into a `deb-src` one, in both of apt's formats, keeping
# Debian's own archives only (others cannot have the packages, and may be slow or gone).
_MAKE_SOURCE_LISTS = """
set -eu
mkdir -p parts lists/partial
for f in /etc/apt/sources.list.d/*.sources; do
  [ -e "$f" ] || continue
  grep -q 'debian-archive-keyring\\|Suites: *bookworm\\|debian' "$f" || continue
  sed 's/^Types:.*/Types: deb-src/' "$f" > "parts/$(basename "$f")"
done
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -e "$f" ] || continue
  sed -n 's/^[[:space:]]*deb\\(-src\\)\\{0,1\\}[[:space:]]/deb-src /p' "$f" |
    grep debian | sort -u > "parts/$(basename "$f" .list).list" || true
done
"""

def _debian_source_index_impl(ctx):
    ctx.file("BUILD.bazel", "")
    ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % ctx.name)
    result = ctx.execute(["sh", "-c", _MAKE_SOURCE_LISTS])
    if result.return_code != 0:
        fail("cannot derive source lists from /etc/apt: " + result.stderr)
    root = str(ctx.path("."))
    result = ctx.execute(
        ["apt-get"] + _APT_FLAGS + [
            "-o",
            "Dir::Etc::SourceParts=%s/parts" % root,
            "-o",
            "Dir::State::Lists=%s/lists" % root,
            "update",
        ],
        timeout = 300,
    )

    # An unreachable mirror matters only if an archive is not in the repository cache: kept for the
    # message of the rule that finds it missing.
    ctx.file("update.log", "exit %d\n%s\n%s" % (result.return_code, result.stdout, result.stderr))

debian_source_index = repository_rule(
    implementation = _debian_source_index_impl,
    doc = "The source index of the Debian release that this machine runs, fetched once for all.",
    configure = True,
    environ = ["KRAKEN_HARBOR_REFRESH_APT"],
)

def _fetch_cached(ctx, sha256, output):
    """Takes an archive from Bazel's repository cache, without asking apt; False if not there."""
    result = ctx.download(
        url = [_CACHE_ONLY_URL],
        output = output,
        sha256 = sha256,
        allow_fail = True,
    )
    return result.success

def _source_uris(ctx):
    """What apt would download for the package: {file name: (url, sha256)}."""
    index = ctx.path(Label("@debian_source_index//:BUILD.bazel")).dirname
    result = ctx.execute(
        ["apt-get"] + _APT_FLAGS + [
            "-o",
            "Dir::Etc::SourceParts=%s/parts" % index,
            "-o",
            "Dir::State::Lists=%s/lists" % index,
            "--print-uris",
            "--only-source",
            "source",
            ctx.attr.package,
        ],
    )
    uris = {}
    for line in result.stdout.splitlines():
        words = line.split(" ")
        if len(words) == 4 and words[0].startswith("'") and words[3].startswith("SHA256:"):
            uris[words[1]] = (words[0].strip("'"), words[3][len("SHA256:"):])
    if not uris:
        fail("\n".join([
            "apt knows no source package '%s'." % ctx.attr.package,
            "apt said: " + result.stderr,
            "its index said: " + ctx.read(Label("@debian_source_index//:update.log")),
            "Is this Debian 12, and can it reach the mirror that /etc/apt names?",
        ]))
    return uris

def _fetch(ctx, kind, sha256, output):
    """Downloads the archive whose SHA-256 is pinned; a wrong hash fails with both hashes."""
    if _fetch_cached(ctx, sha256, output):
        return
    uris = _source_uris(ctx)
    for name, (url, _) in uris.items():
        if name == output:
            # Bazel itself compares: "Checksum was … but wanted …".
            ctx.download(url = [url], output = output, sha256 = sha256)
            return
    served = "\n".join(["  %s sha256 %s" % (n, h) for n, (_, h) in uris.items()])
    fail("\n".join([
        "%s: Debian no longer serves the pinned %s archive %s (sha256 %s)." % (
            ctx.attr.package,
            kind,
            output,
            sha256,
        ),
        "Debian revised the package. It now serves:",
        served,
        "Read its changelog, then pin the new archive in WORKSPACE.",
    ]))

# Every archive holds one folder, named with or without a leading "./".
_UNPACK = """
mkdir .unpacked
tar xf "$1" -C .unpacked --no-same-owner
rm "$1"
set -- .unpacked/*
[ $# -eq 1 ] || { echo "expected one folder in the archive, found $#: $*"; exit 1; }
find "$1" -mindepth 1 -maxdepth 1 -exec mv -t . {} +
rm -r .unpacked
"""

def _run(ctx, arguments, what):
    result = ctx.execute(arguments, timeout = 600)
    if result.return_code != 0:
        fail("%s: %s failed (exit %d):\n%s\n%s" % (
            ctx.name,
            what,
            result.return_code,
            result.stdout,
            result.stderr,
        ))
    return result

def _debian_source_archive_impl(ctx):
    _fetch(ctx, "upstream", ctx.attr.orig_sha256, ctx.attr.orig)
    _run(ctx, ["sh", "-euc", _UNPACK, "sh", ctx.attr.orig], "unpacking")
    if ctx.attr.patches:
        if not ctx.attr.debian:
            fail("patches need the archive that holds them: set debian and debian_sha256")
        _fetch(ctx, "patch", ctx.attr.debian_sha256, ctx.attr.debian)
        _run(ctx, ["tar", "xf", ctx.attr.debian, "--no-same-owner"], "unpacking")
        ctx.delete(ctx.attr.debian)
        for patch in ctx.attr.patches:
            _run(
                ctx,
                ["patch", "-p1", "--no-backup-if-mismatch", "-s", "-i", "debian/patches/" + patch],
                "patch " + patch,
            )
        ctx.delete("debian")
    for patch in ctx.attr.own_patches:
        ctx.patch(patch, strip = 1)
    for command in ctx.attr.commands:
        _run(ctx, ["sh", "-euc", command], "'%s'" % command)
    for path, label in {v: k for k, v in ctx.attr.overlay.items()}.items():
        ctx.delete(path)
        ctx.symlink(label, path)
    if ctx.attr.build_file:
        # Ours is the only package: nested ones of upstream's would hide their folders from it.
        _run(
            ctx,
            ["find", ".", "(", "-name", "BUILD", "-o", "-name", "BUILD.bazel", ")", "-delete"],
            "find",
        )
        ctx.symlink(ctx.attr.build_file, "BUILD.bazel")
    ctx.delete("WORKSPACE")
    ctx.file("WORKSPACE", "workspace(name = \"%s\")\n" % ctx.name)

debian_source_archive = repository_rule(
    implementation = _debian_source_archive_impl,
    doc = "A repository made of one Debian source package.",
    attrs = {
        "build_file": attr.label(
            allow_single_file = True,
            doc = "Our BUILD file for the repository's root; upstream's own if not given.",
        ),
        "commands": attr.string_list(
            doc = "Shell commands run in the unpacked sources, for files that upstream generates.",
        ),
        "debian": attr.string(doc = "File name of the archive that holds Debian's patches."),
        "debian_sha256": attr.string(),
        "orig": attr.string(mandatory = True, doc = "File name of upstream's archive."),
        "orig_sha256": attr.string(mandatory = True),
        "overlay": attr.label_keyed_string_dict(
            allow_files = True,
            doc = "Files of ours to lay over upstream's: {label: path}.",
        ),
        "own_patches": attr.label_list(
            allow_files = [".patch"],
            doc = "Patches of ours, each of which says in its head why it is needed.",
        ),
        "package": attr.string(mandatory = True, doc = "Name of the Debian source package."),
        "patches": attr.string_list(doc = "Which of Debian's patches to apply, in this order."),
    },
)
