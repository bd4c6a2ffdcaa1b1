"""Unity builds: many small source files compiled as a few translation units.

Parsing headers is most of what a C++ library costs to compile. A unity file includes a group of
sources one after the other, so that the headers which they share are parsed once. What makes that
safe is checked by the compiler, as a name defined twice in one unit is an error; for such a clash
there are three ways out: another unit (`units`), a unit of its own (`alone`), or a file-local name
changed for one source (`rename`).
"""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

# Larger units save little more parsing, and cost memory and parallelism at the end of a build.
DEFAULT_UNIT_SIZE = 16

def unity_units(prefix, srcs, size = DEFAULT_UNIT_SIZE, alone = []):
    """Splits sources into units, in order and of nearly equal length.

    C and C++ never share a unit.

    Args:
      prefix: start of each unit's name.
      srcs: the sources, paths in the package; neighbours share a unit.
      size: how many sources a unit may hold.
      alone: sources that get a unit of their own.

    Returns:
      The units: {name: sources}.
    """
    for src in alone:
        if src not in srcs:
            fail("'%s' is to be alone, but is no source of '%s'" % (src, prefix))
    units = {}
    for language in (".c", ".cc", ".cpp"):
        grouped = [s for s in srcs if _extension(s) == language and s not in alone]
        count = (len(grouped) + size - 1) // size
        for i in range(count):
            name = "%s%s_%d" % (prefix, "" if language == ".cc" else language.replace(".", "_"), i)
            units[name] = grouped[len(grouped) * i // count:len(grouped) * (i + 1) // count]
    for src in alone:
        units["%s_%s" % (prefix, src.rsplit(".", 1)[0].replace("/", "_"))] = [src]
    return units

def _extension(path):
    """The extension of a source file: ".c" for C, ".cc" or ".cpp" for C++."""
    for extension in (".c", ".cc", ".cpp"):
        if path.endswith(extension):
            return extension
    fail("'%s' is neither C nor C++" % path)

def _package_path(ctx, file):
    """A file's path within the package of the rule."""
    path = file.short_path
    if path.startswith("../"):
        path = path.split("/", 2)[2]
    if ctx.label.package:
        path = path[len(ctx.label.package) + 1:]
    return path

def _write_units(ctx):
    """Declares and writes the unity files, one for each unit."""
    files = {_package_path(ctx, f): f for f in ctx.files.srcs}
    outputs = []
    for name, sources in ctx.attr.units.items():
        extension = _extension(sources[0])
        lines = []
        for source in sources:
            if _extension(source) != extension:
                fail("unit '%s' mixes C and C++" % name)
            names = ctx.attr.rename.get(source, [])
            suffix = source.rsplit("/", 1)[-1].replace("-", "_").replace(".", "_")
            lines += ["#define %s %s_in_%s" % (n, n, suffix) for n in names]
            lines.append('#include "%s"' % files[source].path)
            lines += ["#undef %s" % n for n in names]
            lines += ['#include "%s"' % header for header in ctx.attr.after.get(source, [])]
        unit = ctx.actions.declare_file("_unity/%s/%s%s" % (ctx.label.name, name, extension))
        ctx.actions.write(unit, "\n".join(lines) + "\n")
        outputs.append(unit)
    return outputs

_UNIT_ATTRS = {
    "after": attr.string_list_dict(),
    "rename": attr.string_list_dict(),
    "srcs": attr.label_list(allow_files = [".c", ".cc", ".cpp"]),
    "units": attr.string_list_dict(mandatory = True),
}

def _all_sources(units):
    """Every source of the units, each once."""
    sources = {}
    for name, members in units.items():
        for source in members:
            if source in sources:
                fail("'%s' is in unit '%s' and in unit '%s'" % (source, sources[source], name))
            sources[source] = name
    return sources.keys()

def _check_sources(name, sources, named):
    """Fails if a source that is treated specially is none of the library's."""
    for source in named:
        if source not in sources:
            fail("'%s' is treated specially, but is no source of '%s'" % (source, name))

def _repository_dirs(ctx, dirs):
    """Directories of the package as the compiler sees them: in the sources and generated."""
    base = "/".join([p for p in (ctx.label.workspace_root, ctx.label.package) if p])
    paths = []
    for directory in dirs:
        path = "/".join([p for p in (base, directory) if p and p != "."])
        paths += [path or ".", "/".join([p for p in (ctx.bin_dir.path, path) if p])]
    return paths

def compile_archive(
        ctx,
        srcs,
        inputs,
        hdrs,
        deps,
        copts = [],
        private_deps = [],
        includes = [],
        private_includes = [],
        quote_includes = [],
        defines = [],
        local_defines = [],
        linkopts = [],
        alwayslink = False):
    """Compiles files to an archive, for a rule with COMPILE_ATTRS and COMPILE_TOOLCHAINS.

    Args:
      ctx: the rule's context.
      srcs: the files to compile.
      inputs: more files that the compiler may read, seen by no dependent.
      hdrs: headers that dependents may read, too.
      deps: targets whose headers dependents may read, too.
      copts: flags for the compiler.
      private_deps: targets whose headers only `srcs` may read.
      includes: system directories, for dependents, too.
      private_includes: system directories for `srcs` only.
      quote_includes: directories for `#include "…"`, for dependents, too.
      defines: macros, for dependents, too.
      local_defines: macros for `srcs` only.
      linkopts: flags for the linker of whatever depends on this.
      alwayslink: whether all of the archive is linked.

    Returns:
      The archive, or None if there is nothing to compile, and CcInfo.
    """
    cc_toolchain = find_cpp_toolchain(ctx)
    feature_configuration = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = cc_toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    public = [dep[CcInfo] for dep in deps]
    private = [dep[CcInfo] for dep in private_deps]
    _, outputs = cc_common.compile(
        name = ctx.label.name,
        actions = ctx.actions,
        feature_configuration = feature_configuration,
        cc_toolchain = cc_toolchain,
        srcs = srcs,
        additional_inputs = inputs,
        public_hdrs = hdrs,
        # Unity files name sources by their path from the execution root.
        quote_includes = quote_includes + ["."],
        system_includes = includes + private_includes,
        defines = defines,
        local_defines = local_defines,
        user_compile_flags = copts,
        compilation_contexts = [dep.compilation_context for dep in public + private],
    )
    linking_context, linked = cc_common.create_linking_context_from_compilation_outputs(
        name = ctx.label.name,
        actions = ctx.actions,
        feature_configuration = feature_configuration,
        cc_toolchain = cc_toolchain,
        compilation_outputs = outputs,
        user_link_flags = linkopts,
        linking_contexts = [dep.linking_context for dep in public + private],
        alwayslink = alwayslink,
        disallow_dynamic_library = True,
    )

    # What dependents see: not the sources, nor the private headers and dependencies.
    exported = cc_common.create_compilation_context(
        headers = depset(hdrs),
        quote_includes = depset(quote_includes),
        system_includes = depset(includes),
        defines = depset(defines),
    )
    merged = cc_common.merge_cc_infos(
        direct_cc_infos = [CcInfo(compilation_context = exported)],
        cc_infos = public,
    )
    library = linked.library_to_link
    archive = (library.static_library or library.pic_static_library) if library else None
    return archive, CcInfo(
        compilation_context = merged.compilation_context,
        linking_context = linking_context,
    )

COMPILE_ATTRS = {
    "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
}

COMPILE_TOOLCHAINS = ["@bazel_tools//tools/cpp:toolchain_type"]

def _unity_cc_library_impl(ctx):
    archive, cc_info = compile_archive(
        ctx,
        srcs = _write_units(ctx),
        inputs = ctx.files.srcs + ctx.files.private_hdrs,
        hdrs = ctx.files.hdrs,
        deps = ctx.attr.deps,
        copts = ctx.attr.copts,
        private_deps = ctx.attr.private_deps,
        includes = _repository_dirs(ctx, ctx.attr.includes),
        private_includes = _repository_dirs(ctx, ctx.attr.private_includes),
        defines = ctx.attr.defines,
        local_defines = ctx.attr.local_defines,
        linkopts = ctx.attr.linkopts,
        alwayslink = ctx.attr.alwayslink,
    )
    return [DefaultInfo(files = depset([archive] if archive else [])), cc_info]

_unity_cc_library = rule(
    implementation = _unity_cc_library_impl,
    attrs = dict(
        dict(COMPILE_ATTRS, **_UNIT_ATTRS),
        alwayslink = attr.bool(),
        copts = attr.string_list(),
        defines = attr.string_list(),
        deps = attr.label_list(providers = [CcInfo]),
        hdrs = attr.label_list(allow_files = True),
        includes = attr.string_list(),
        linkopts = attr.string_list(),
        local_defines = attr.string_list(),
        private_deps = attr.label_list(providers = [CcInfo]),
        private_hdrs = attr.label_list(allow_files = True),
        private_includes = attr.string_list(),
    ),
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    provides = [CcInfo],
    toolchains = COMPILE_TOOLCHAINS,
)

def unity_cc_library(
        name,
        srcs = [],
        units = {},
        alone = [],
        size = DEFAULT_UNIT_SIZE,
        rename = {},
        after = {},
        copts = [],
        **kwargs):
    """A third party's library, compiled as unity files, without warnings, and only to an archive.

    Unlike with cc_library, what is private stays private: a dependent gets as inputs (and the
    sandbox links in) the headers in `hdrs` and those of `deps`, but no source, nor anything of
    `private_hdrs` and `private_deps`.

    Args:
      name: the library's name.
      srcs: sources to be split into units of `size`.
      units: units made by hand, {name: sources}, instead of `srcs` or beside them.
      alone: sources (of `srcs`) that get a unit of their own.
      size: how many sources a unit may hold.
      rename: {source: file-local names} that clash within a unit. The name is changed by macro
        while that source is read, so it must mean nothing in headers that only this source reads.
      after: {source: headers} to include behind a source, such as one that undefines its macros.
      copts: flags for the compiler, after "-w".
      **kwargs: `hdrs`, `includes`, `defines`, `local_defines`, `deps`, `linkopts`, `alwayslink`,
        `visibility`, `testonly` and `tags` mean what they mean in cc_library, `includes` as system
        directories. `private_hdrs` (with `private_includes`) and `private_deps` are for the
        library's own sources only.
    """
    all_units = dict(units)
    all_units.update(unity_units(name, srcs, size, alone))
    sources = _all_sources(all_units)
    _check_sources(name, sources, rename.keys() + after.keys())
    _unity_cc_library(
        name = name,
        srcs = sources,
        after = after,
        copts = ["-w"] + copts,
        rename = rename,
        units = all_units,
        **kwargs
    )
