"""Layers of an image: `pkg_tar` packs files, `debian_layer` unpacks Debian packages."""

load(":python_action.bzl", "PYTHON_ATTRS", "run_python")

def _path(folder, name):
    return "/".join([part for part in (folder.strip("/"), name.strip("/")) if part])

def _pkg_tar_impl(ctx):
    output = ctx.actions.declare_file("%s.%s" % (ctx.label.name, ctx.attr.extension))
    folder = ctx.attr.package_dir
    files = []
    for source in ctx.files.srcs:
        path = _path(folder, source.basename)
        files.append([path, source.path, ctx.attr.modes.get(source.basename, ctx.attr.mode)])
    inputs = list(ctx.files.srcs)
    for target, path in ctx.attr.files.items():
        sources = target[DefaultInfo].files.to_list()
        if len(sources) != 1:
            fail("files: %s is not one file" % target.label)
        name = path.strip("/")
        files.append([name, sources[0].path, ctx.attr.modes.get(path, ctx.attr.mode)])
        inputs += sources
    spec = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(spec, json.encode({
        "directories": ctx.attr.empty_dirs,
        "files": files,
        "symlinks": ctx.attr.symlinks,
    }))
    run_python(ctx, "file_layer", [spec.path, output.path], inputs + [spec], [output], "PkgTar")
    return [DefaultInfo(files = depset([output]), runfiles = ctx.runfiles(files = [output]))]

pkg_tar = rule(
    implementation = _pkg_tar_impl,
    doc = "A layer of files, with names and attributes of rules_pkg's pkg_tar.",
    attrs = dict(
        PYTHON_ATTRS,
        empty_dirs = attr.string_list(doc = "Empty folders, by path in the image."),
        extension = attr.string(default = "tar.gz", values = ["tar", "tar.gz"]),
        files = attr.label_keyed_string_dict(
            allow_files = True,
            doc = "Files, each with its path in the image.",
        ),
        mode = attr.string(default = "0555", doc = "Octal permissions of all files."),
        modes = attr.string_dict(doc = "Other permissions, by name of a file or path."),
        package_dir = attr.string(default = "/", doc = "Where `srcs` go."),
        srcs = attr.label_list(allow_files = True, doc = "Files that keep their names."),
        symlinks = attr.string_dict(doc = "Symbolic links: {path: target}."),
    ),
)

def _debian_layer_impl(ctx):
    output = ctx.actions.declare_file(ctx.label.name + ".tar.gz")
    arguments = ctx.actions.args()
    arguments.add(output)
    arguments.add_all(ctx.files.packages)
    run_python(ctx, "debian_layer", [arguments], ctx.files.packages, [output], "DebianLayer")
    return [DefaultInfo(files = depset([output]), runfiles = ctx.runfiles(files = [output]))]

debian_layer = rule(
    implementation = _debian_layer_impl,
    doc = "A layer of unpacked Debian packages. No maintainer script is run.",
    attrs = dict(
        PYTHON_ATTRS,
        packages = attr.label_list(
            allow_files = [".deb"],
            doc = "Targets of a debian_packages repository.",
            mandatory = True,
        ),
    ),
)
