"""oci_image and oci_index: OCI image layouts, with rules_oci's names and attributes."""

load(":python_action.bzl", "PYTHON_ATTRS", "run_python")

def _config(ctx):
    """The image configuration's keys that are set."""
    values = {
        "Cmd": ctx.attr.cmd,
        "Entrypoint": ctx.attr.entrypoint,
        "Env": ["%s=%s" % item for item in ctx.attr.env.items()],
        "ExposedPorts": {_port(port): {} for port in ctx.attr.exposed_ports},
        "Labels": ctx.attr.labels,
        "User": ctx.attr.user,
        "Volumes": {volume: {} for volume in ctx.attr.volumes},
        "WorkingDir": ctx.attr.workdir,
    }
    return {key: value for key, value in values.items() if value}

def _port(port):
    return port if "/" in port else port + "/tcp"

def _oci_image_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    spec = ctx.actions.declare_file(ctx.label.name + ".json")
    ctx.actions.write(spec, json.encode({
        "annotations": ctx.attr.annotations,
        "architecture": ctx.attr.architecture,
        "base": ctx.file.base.path if ctx.file.base else None,
        "config": _config(ctx),
        "os": ctx.attr.os,
        "tars": [tar.path for tar in ctx.files.tars],
    }))
    inputs = [spec] + ctx.files.tars + ctx.files.base
    run_python(ctx, "image", [spec.path, output.path], inputs, [output], "OciImage")
    return [DefaultInfo(files = depset([output]), runfiles = ctx.runfiles(files = [output]))]

oci_image = rule(
    implementation = _oci_image_impl,
    doc = "An image, as a folder in the OCI image layout. The same inputs give the same digests.",
    attrs = dict(
        PYTHON_ATTRS,
        annotations = attr.string_dict(doc = "Annotations of the manifest."),
        architecture = attr.string(doc = "Default: the base's, else amd64."),
        base = attr.label(
            allow_single_file = True,
            doc = "An oci_image whose layers and configuration this one begins with.",
        ),
        cmd = attr.string_list(doc = "Default arguments of the entry point."),
        entrypoint = attr.string_list(doc = "The program and its first arguments."),
        env = attr.string_dict(doc = "Environment; values may use the base's, as in $PATH."),
        exposed_ports = attr.string_list(doc = "Ports: 80, 80/tcp, 53/udp."),
        labels = attr.string_dict(doc = "Labels of the configuration."),
        os = attr.string(doc = "Default: the base's, else linux."),
        tars = attr.label_list(
            allow_files = [".tar", ".tar.gz", ".tgz"],
            doc = "Layers, bottom first, taken as they are.",
        ),
        user = attr.string(doc = "User, or user:group, names or numbers."),
        volumes = attr.string_list(doc = "Paths that a volume is expected at."),
        workdir = attr.string(doc = "The folder that the program starts in."),
    ),
)

def _oci_index_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    arguments = [output.path] + [image.path for image in ctx.files.images]
    run_python(ctx, "index", arguments, ctx.files.images, [output], "OciIndex")
    return [DefaultInfo(files = depset([output]), runfiles = ctx.runfiles(files = [output]))]

oci_index = rule(
    implementation = _oci_index_impl,
    doc = "An image index over images for different platforms, as a folder in the OCI layout.",
    attrs = dict(
        PYTHON_ATTRS,
        images = attr.label_list(allow_files = True, doc = "oci_image targets.", mandatory = True),
    ),
)
