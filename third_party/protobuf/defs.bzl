"""C++ from .proto files: messages, and gRPC services where asked for."""

load("//third_party:unity.bzl", "COMPILE_ATTRS", "COMPILE_TOOLCHAINS", "compile_archive")

_ProtoSourcesInfo = provider(
    doc = "The .proto files behind a library.",
    fields = {
        "roots": "depset of directories that imports are relative to",
        "sources": "depset of .proto files, those of dependencies included",
    },
)

_DESCRIPTOR = "/google/protobuf/descriptor.proto"

def _generate(ctx, src, roots, inputs):
    """Runs protoc on one file; returns the generated sources and headers."""
    stem = src.short_path
    if stem.startswith("../"):
        stem = stem.split("/", 2)[2]
    if ctx.label.package:
        stem = stem[len(ctx.label.package) + 1:]
    stem = stem[:-len(".proto")]
    kinds = [".pb"] + ([".grpc.pb"] if ctx.attr.grpc else [])
    sources = [ctx.actions.declare_file(stem + kind + ".cc") for kind in kinds]
    headers = [ctx.actions.declare_file(stem + kind + ".h") for kind in kinds]

    out = "/".join([p for p in (ctx.bin_dir.path, ctx.label.workspace_root) if p])
    args = ctx.actions.args()
    args.add_all(roots, format_each = "--proto_path=%s")
    args.add("--cpp_out=" + out)
    tools = [ctx.executable._protoc]
    if ctx.attr.grpc:
        args.add("--plugin=protoc-gen-grpc=" + ctx.executable._grpc_cpp_plugin.path)
        args.add("--grpc_out=" + out)
        tools.append(ctx.executable._grpc_cpp_plugin)
    args.add(src)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = inputs,
        outputs = sources + headers,
        tools = tools,
        mnemonic = "GenProto",
        progress_message = "Generating C++ from %s" % src.short_path,
    )
    return sources, headers

def _cc_grpc_library_impl(ctx):
    root = ctx.label.workspace_root or "."
    protos = [dep[_ProtoSourcesInfo] for dep in ctx.attr.deps if _ProtoSourcesInfo in dep]
    proto_info = _ProtoSourcesInfo(
        roots = depset([root], transitive = [p.roots for p in protos]),
        sources = depset(ctx.files.srcs, transitive = [p.sources for p in protos]),
    )

    # protoc takes a file's name from the first root above it.
    roots = [root] + [r for r in proto_info.roots.to_list() if r != root] + [
        f.path[:-len(_DESCRIPTOR)]
        for f in ctx.files._well_known_protos
        if f.path.endswith(_DESCRIPTOR)
    ]
    inputs = depset(
        ctx.files._versions + ctx.files._well_known_protos,
        transitive = [proto_info.sources],
    )

    # One translation unit per .proto: messages and services share most of their headers.
    units = []
    generated = []
    headers = []
    for src in ctx.files.srcs:
        sources, hdrs = _generate(ctx, src, roots, inputs)
        unit = ctx.actions.declare_file("_unity/%s/%s.cc" % (
            ctx.label.name,
            src.basename[:-len(".proto")],
        ))
        ctx.actions.write(unit, "".join(["#include \"%s\"\n" % s.path for s in sources]))
        units.append(unit)
        generated += sources
        headers += hdrs

    deps = ctx.attr.deps + ctx.attr._runtime
    if ctx.attr.grpc:
        deps = deps + ctx.attr._grpc_runtime
    archive, cc_info = compile_archive(
        ctx,
        srcs = units,
        inputs = generated,
        hdrs = headers,
        deps = deps,
        copts = ["-w"],
        quote_includes = [
            "/".join([p for p in (ctx.bin_dir.path, ctx.label.workspace_root) if p]),
        ],
    )
    return [
        DefaultInfo(files = depset([archive])),
        OutputGroupInfo(generated = depset(generated + headers)),
        cc_info,
        proto_info,
    ]

cc_grpc_library = rule(
    implementation = _cc_grpc_library_impl,
    doc = """C++ messages, and gRPC stubs and services, of .proto files.

A file "a/b.proto" imports others by their path in the repository (or as
"google/protobuf/….proto") and is included as "a/b.pb.h" and "a/b.grpc.pb.h".
""",
    attrs = dict(
        COMPILE_ATTRS,
        deps = attr.label_list(
            doc = "The cc_grpc_library targets of the files that `srcs` import.",
            providers = [CcInfo],
        ),
        grpc = attr.bool(
            default = True,
            doc = "Whether to generate gRPC services; False for messages only.",
        ),
        srcs = attr.label_list(
            allow_empty = False,
            allow_files = [".proto"],
            doc = "The .proto files, of this package; their base names must differ.",
            mandatory = True,
        ),
        _grpc_cpp_plugin = attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "@protoc_toolchain//:grpc_cpp_plugin",
            executable = True,
        ),
        _grpc_runtime = attr.label_list(default = ["@com_github_grpc_grpc//:grpc++"]),
        _protoc = attr.label(
            allow_single_file = True,
            cfg = "exec",
            default = "@protoc_toolchain//:protoc",
            executable = True,
        ),
        _runtime = attr.label_list(default = ["@com_google_protobuf//:protobuf"]),
        _versions = attr.label(
            allow_files = True,
            default = "@protoc_toolchain//:versions.txt",
        ),
        _well_known_protos = attr.label(default = "@com_google_protobuf//:well_known_protos"),
    ),
    fragments = ["cpp"],
    incompatible_use_toolchain_transition = True,
    provides = [CcInfo],
    toolchains = COMPILE_TOOLCHAINS,
)
