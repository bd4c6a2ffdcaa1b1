"""clang-tidy as a Bazel aspect: one cached action for each C++ source of ours.

Used through `bazel build --config=clang-tidy //...`. An action's inputs are the source, the headers
that it may include and .clang-tidy, so only what changed is looked at again.
"""

load("//third_party:unity.bzl", "COMPILE_ATTRS", "COMPILE_TOOLCHAINS")
load("//tools:compiler_command.bzl", "compiler_command")

def _own_sources(ctx):
    """C++ sources of the target that are files in the repository."""
    return [
        source
        for source in getattr(ctx.rule.files, "srcs", [])
        if source.is_source and source.extension == "cc"
    ]

def _compiler_flags(target, ctx):
    """The flags with which Bazel compiles the target's sources."""
    context = target[CcInfo].compilation_context

    # A header that GCC has compiled is none for Clang; the source includes all that it needs.
    own_flags = getattr(ctx.rule.attr, "copts", [])
    if "-include" in own_flags:
        at = own_flags.index("-include")
        own_flags = own_flags[:at] + own_flags[at + 2:]
    defines = depset(getattr(ctx.rule.attr, "local_defines", []), transitive = [context.defines])
    return compiler_command(ctx, context, defines, own_flags).flags

def _config_for(source, ctx):
    """What the source is checked for."""
    is_test = source.basename.endswith("_test.cc")
    return ctx.file._test_config if is_test else ctx.file._config

def _clang_tidy_aspect_impl(target, ctx):
    if CcInfo not in target or ctx.label.workspace_name:
        return []
    flags = _compiler_flags(target, ctx)
    reports = []
    for source in _own_sources(ctx):
        config = _config_for(source, ctx)
        report = ctx.actions.declare_file("%s.%s.tidy" % (source.basename, ctx.label.name))
        ctx.actions.run(
            executable = ctx.file._run,
            arguments = [report.path, config.path, source.path] + flags,
            env = {"PATH": "/usr/bin:/bin"},
            inputs = depset(
                [source, config],
                transitive = [target[CcInfo].compilation_context.headers],
            ),
            mnemonic = "ClangTidy",
            outputs = [report],
            progress_message = "clang-tidy %s" % source.short_path,
        )
        reports.append(report)
    return [OutputGroupInfo(clang_tidy = depset(reports))]

clang_tidy_aspect = aspect(
    implementation = _clang_tidy_aspect_impl,
    attrs = dict(
        COMPILE_ATTRS,
        _config = attr.label(default = "//:.clang-tidy", allow_single_file = True),
        _test_config = attr.label(
            default = "//tools:clang-tidy-tests",
            allow_single_file = True,
        ),
        _run = attr.label(default = "//tools:run_clang_tidy.sh", allow_single_file = True),
    ),
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    toolchains = COMPILE_TOOLCHAINS,
)
