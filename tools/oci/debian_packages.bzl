"""Binary packages of Debian as Bazel targets, pinned by version and SHA-256.

Where a package is served from is asked of apt, so no host name is written down. The system's own
apt state stays untouched: the index is fetched into the repository's folder, and only if a pinned
file is not in Bazel's repository cache.
"""

load(":debian_lock.bzl", "parse_lock")

# Bazel finds a file in its cache by the SHA-256 alone.
_CACHE_ONLY_URL = "file:///nonexistent/only-from-the-repository-cache"

_UPDATE_TIMEOUT_SECONDS = 300

def _apt_flags(ctx):
    return [
        "-q",
        "-o",
        "Dir::State::Lists=%s" % ctx.path("lists"),
        "-o",
        "Dir::Cache::pkgcache=",
        "-o",
        "Dir::Cache::srcpkgcache=",
        "-o",
        "Acquire::Languages=none",
        "-o",
        "APT::Sandbox::User=root",
    ]

def _fetch_cached(ctx, package):
    """Takes a package from Bazel's repository cache; False, and a warning, if it is not there."""
    return ctx.download(
        url = [_CACHE_ONLY_URL],
        output = package.name + ".deb",
        sha256 = package.sha256,
        allow_fail = True,
    ).success

def _ask_addresses(ctx, packages):
    """Where apt would download packages from: {name: address}, and what apt said beside that."""
    asked = ctx.execute(["apt-get"] + _apt_flags(ctx) + ["--print-uris", "download"] + [
        "%s=%s" % (package.name, package.version)
        for package in packages
    ])
    addresses = {}
    for line in asked.stdout.splitlines():
        words = line.split(" ")  # 'ADDRESS' NAME_VERSION_ARCHITECTURE.deb SIZE HASH
        if len(words) == 4 and words[0].startswith("'"):
            addresses[words[1].split("_")[0]] = words[0].strip("'")
    return addresses, asked.stderr.strip()

def _fetch(ctx, packages):
    """Downloads packages from where apt's sources serve them; a wrong hash stops the build.

    Bazel takes from its cache what is there, whatever the address.
    """
    ctx.execute(["mkdir", "-p", "lists/partial"])
    update = ctx.execute(
        ["apt-get"] + _apt_flags(ctx) + ["update"],
        timeout = _UPDATE_TIMEOUT_SECONDS,
    )

    # One version that is gone makes apt refuse the whole question.
    addresses, _ = _ask_addresses(ctx, packages)
    gone = []
    for package in packages:
        if package.name not in addresses and not _fetch_cached(ctx, package):
            found, said = _ask_addresses(ctx, [package])
            addresses.update(found)
            if not found:
                gone.append("  %s %s: %s" % (package.name, package.version, said))
    if gone:
        fail("\n".join(
            ["%d pinned packages of %s are not served by apt's sources:" % (
                len(gone),
                ctx.attr.lock,
            )] + gone + [
                "Debian has newer versions, or /etc/apt is not Debian 12's, or its server is out " +
                "of reach (apt-get update: exit code %d %s)." % (
                    update.return_code,
                    update.stderr.strip(),
                ),
                "To pin what Debian serves now: tools/oci/pin_debian_packages.py %s" %
                str(ctx.attr.lock).replace("@", "").lstrip("/").replace(":", "/"),
            ],
        ))
    for package in packages:
        if package.name not in addresses:
            continue  # Gone from Debian, but still in the cache.
        ctx.report_progress("downloading %s %s" % (package.name, package.version))
        ctx.download(
            url = [addresses[package.name]],
            output = package.name + ".deb",
            sha256 = package.sha256,
        )
    ctx.delete("lists")

def _debian_packages_impl(ctx):
    packages = parse_lock(ctx.read(ctx.attr.lock), str(ctx.attr.lock))
    for i, package in enumerate(packages):
        if not _fetch_cached(ctx, package):
            _fetch(ctx, packages[i:])
            break
    lines = ["package(default_visibility = [\"//visibility:public\"])"]
    for package in packages:
        lines.append("filegroup(name = %r, srcs = [%r])" % (package.name, package.name + ".deb"))
    ctx.file("BUILD.bazel", "\n".join(lines) + "\n")

debian_packages = repository_rule(
    implementation = _debian_packages_impl,
    doc = "A repository with one target for each package of a lock file, named like the package.",
    attrs = {
        "lock": attr.label(
            mandatory = True,
            allow_single_file = True,
            doc = "One package a line: name, version, SHA-256. A # starts a comment.",
        ),
    },
)
