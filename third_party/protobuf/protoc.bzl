"""The protocol compiler and its gRPC plugin, as Debian builds them.

They are of the very versions of the runtime libraries, so no compiler is built from source.
"""

_PROTOBUF_VERSION = "3.21.12"
_GRPC_VERSION = "1.51.1"

_PROGRAMS = {
    "/usr/bin/grpc_cpp_plugin": "grpc_cpp_plugin",
    "/usr/bin/protoc": "protoc",
}

_BUILD = """exports_files([
    "grpc_cpp_plugin",
    "protoc",
    "versions.txt",
])
"""

def _fail(reason):
    fail("\n".join([
        reason,
        "Code generation needs Debian 12's packages protobuf-compiler (%s) and" % _PROTOBUF_VERSION,
        "protobuf-compiler-grpc (%s):" % _GRPC_VERSION,
        "  apt-get install protobuf-compiler protobuf-compiler-grpc",
    ]))

def _protoc_toolchain_impl(ctx):
    for program in _PROGRAMS:
        if not ctx.path(program).exists:
            _fail("%s is not installed." % program)
    result = ctx.execute(["/usr/bin/protoc", "--version"])
    if result.stdout.strip() != "libprotoc " + _PROTOBUF_VERSION:
        _fail("/usr/bin/protoc is of another version: '%s'." % result.stdout.strip())

    # The plugin does not tell its version; its package does.
    packages = ctx.execute([
        "dpkg-query",
        "--show",
        "--showformat=${Package} ${Version}\n",
        "libprotoc32",
        "protobuf-compiler",
        "protobuf-compiler-grpc",
    ])
    if "protobuf-compiler-grpc %s-" % _GRPC_VERSION not in packages.stdout:
        _fail("/usr/bin/grpc_cpp_plugin is not of package protobuf-compiler-grpc %s: '%s'." % (
            _GRPC_VERSION,
            (packages.stdout + packages.stderr).strip(),
        ))
    for program, name in _PROGRAMS.items():
        ctx.symlink(program, name)

    # An input of each code generation: the programs' shared libraries can be no inputs.
    ctx.file("versions.txt", packages.stdout)
    ctx.file("BUILD.bazel", _BUILD)

protoc_toolchain = repository_rule(
    implementation = _protoc_toolchain_impl,
    doc = "Debian's protoc and grpc_cpp_plugin, checked to be of the pinned versions.",
    configure = True,
    local = True,
)
