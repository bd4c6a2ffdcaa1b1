"""A precompiled header: what many sources include is parsed once for all of them."""

load("//third_party:unity.bzl", "COMPILE_ATTRS", "COMPILE_TOOLCHAINS")
load("//tools:compiler_command.bzl", "compiler_command")

def _precompiled_header_impl(ctx):
    header = ctx.actions.declare_file(ctx.label.name + ".h")
    ctx.actions.write(header, "".join(["#include \"%s\"\n" % name for name in ctx.attr.includes]))
    precompiled = ctx.actions.declare_file(ctx.label.name + ".h.gch")

    context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).compilation_context
    compiler = compiler_command(ctx, context, context.defines, ctx.attr.copts, use_pic = True)
    ctx.actions.run(
        executable = compiler.tool,
        arguments = compiler.flags + ["-x", "c++-header", header.path, "-o", precompiled.path],
        env = compiler.env,
        inputs = depset([header], transitive = [context.headers, compiler.files]),
        mnemonic = "CppPrecompile",
        outputs = [precompiled],
        progress_message = "Precompiling %s" % header.short_path,
    )
    return [
        DefaultInfo(files = depset([header, precompiled])),
        CcInfo(compilation_context = cc_common.create_compilation_context(
            headers = depset([header, precompiled]),
        )),
    ]

precompiled_header = rule(
    doc = """Includes headers, and compiles that beforehand.

    A source gets it by `-include $(BINDIR)/PACKAGE/NAME.h`. One that is compiled with other flags
    (another -O, say) reads the headers as ever. Bazel does not learn from the compiler which of the
    headers within a source has read, only their outermost: the deps should be pinned ones.
    """,
    implementation = _precompiled_header_impl,
    attrs = dict(
        COMPILE_ATTRS,
        copts = attr.string_list(doc = "As of the sources that use it, warnings too."),
        deps = attr.label_list(doc = "Where the headers come from.", providers = [CcInfo]),
        includes = attr.string_list(doc = "The headers, as in `#include`."),
    ),
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    provides = [CcInfo],
    toolchains = COMPILE_TOOLCHAINS,
)
