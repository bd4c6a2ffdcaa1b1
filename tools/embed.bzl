"""Files that a program carries in itself."""

load("//tools:cc.bzl", "kh_cc_library")

_TOOL = "//tools:embed_files.py"

def kh_embed_files(name, hdr, namespace, function, files, deps = []):
    """A library whose function gives the names and bytes of files.

    Args:
      name: the target's name.
      hdr: declares, in the namespace, `struct EmbeddedFile` of two absl::string_view, name and
        content, and the function, which takes nothing and returns
        `absl::Span<const EmbeddedFile>`.
      namespace: of both.
      function: its name.
      files: what it gives, by the last part of their path; at most 60,000 bytes each.
      deps: of the header.
    """
    native.genrule(
        name = name + "_source",
        srcs = [hdr] + files,
        outs = [name + ".cc"],
        cmd = "python3 $(location %s) %s %s %s %s > $@" % (
            _TOOL,
            native.package_name() + "/" + hdr,
            namespace,
            function,
            " ".join(["$(location %s)" % file for file in files]),
        ),
        tools = [_TOOL],
    )
    kh_cc_library(
        name = name,
        srcs = [name + ".cc"],
        hdrs = [hdr],
        deps = deps,
    )
