"""How Bazel itself would call the compiler: for rules that compile in a way of their own."""

load("@bazel_tools//tools/build_defs/cc:action_names.bzl", "CPP_COMPILE_ACTION_NAME")
load("@bazel_tools//tools/cpp:toolchain_utils.bzl", "find_cpp_toolchain")

def compiler_command(ctx, context, defines, copts, use_pic = False):
    """The compiler and its flags, without input and output.

    Args:
      ctx: of a rule or an aspect with COMPILE_ATTRS and COMPILE_TOOLCHAINS of
        //third_party:unity.bzl, and the fragment `cpp`.
      context: the compilation context whose headers are to be found.
      defines: macros, a depset.
      copts: flags after those of the command line.
      use_pic: whether the code is to be position-independent.

    Returns:
      A struct of `tool`, `flags`, `env`, and `files`, what the tool needs to run.
    """
    toolchain = find_cpp_toolchain(ctx)
    features = cc_common.configure_features(
        ctx = ctx,
        cc_toolchain = toolchain,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    variables = cc_common.create_compile_variables(
        cc_toolchain = toolchain,
        feature_configuration = features,
        include_directories = context.includes,
        preprocessor_defines = defines,
        quote_include_directories = context.quote_includes,
        system_include_directories = context.system_includes,
        use_pic = use_pic,
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts + copts,
    )
    about = {"action_name": CPP_COMPILE_ACTION_NAME, "feature_configuration": features}
    return struct(
        tool = cc_common.get_tool_for_action(**about),
        flags = cc_common.get_memory_inefficient_command_line(variables = variables, **about),
        env = cc_common.get_environment_variables(variables = variables, **about),
        files = toolchain.all_files,
    )
