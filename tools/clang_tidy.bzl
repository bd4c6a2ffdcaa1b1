"""clang-tidy as a Bazel aspect: one cached action for each C++ source of ours.

Used through `bazel build --config=clang-tidy //...`. An action's inputs are the source, the headers
that it may include and .clang-tidy, so only what changed is looked at again.
"""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def _own_sources(ctx):
    """C++ sources of the target that are files in the repository."""
    return [
        source
        for source in getattr(ctx.rule.files, "srcs", [])
        if source.is_source and source.extension == "cc"
    ]

def _compiler_flags(target, ctx):
    """The flags with which Bazel compiles the target's sources."""
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    context = target[CcInfo].compilation_context

    # A header that GCC has compiled is none for Clang; the source includes all that it needs.
    own_flags = getattr(ctx.rule.attr, "copts", [])
    if "-include" in own_flags:
        at = own_flags.index("-include")
        own_flags = own_flags[:at] + own_flags[at + 2:]
    variables = cc_common.create_compile_variables(
        cc_toolchain = toolchain,
        feature_configuration = features,
        include_directories = context.includes,
        preprocessor_defines = depset(
            getattr(ctx.rule.attr, "local_defines", []),
            transitive = [context.defines],
        ),
        quote_include_directories = context.quote_includes,
        system_include_directories = context.system_includes,
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + own_flags,
    )
    return cc_common.get_memory_inefficient_command_line(
        action_name = CPP_COMPILE_ACTION_NAME,
        feature_configuration = features,
        variables = variables,
    )

def _clang_tidy_aspect_impl(target, ctx):
    if CcInfo not in target or ctx.label.workspace_name:
        return []
    flags = _compiler_flags(target, ctx)
    reports = []
    for source in _own_sources(ctx):
        report = ctx.actions.declare_file("%s.%s.tidy" % (source.basename, ctx.label.name))
        ctx.actions.run(
            executable = ctx.file._run,
            arguments = [report.path, ctx.file._config.path, source.path] + flags,
            env = {"PATH": "/usr/bin:/bin"},
            inputs = depset(
                [source, ctx.file._config],
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
    attrs = {
        "_cc_toolchain": attr.label(default = "@bazel_tools//tools/cpp:current_cc_toolchain"),
        "_config": attr.label(default = "//:.clang-tidy", allow_single_file = True),
        "_run": attr.label(default = "//tools:run_clang_tidy.sh", allow_single_file = True),
    },
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
