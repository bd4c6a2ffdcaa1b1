"""oci_push and oci_load: for `bazel run`, with rules_oci's names and attributes."""

load(":python_action.bzl", "PYTHON_ATTRS", "run_python")

def _quote(text):
    return "'" + text.replace("'", "'\\''") + "'"

def _script(ctx, settings):
    """The program: variables, then the given script."""
    script = ctx.actions.declare_file(ctx.label.name + ".sh")
    lines = [
        "#!/bin/bash",
        "cd \"${RUNFILES_DIR:-$0.runfiles}/%s\" || exit 1" % ctx.workspace_name,
    ]
    lines += ["%s=%s" % (name, _quote(value)) for name, value in settings.items()]
    lines.append(". %s \"$@\"" % _quote("./" + ctx.file._script.short_path))
    ctx.actions.write(script, "\n".join(lines) + "\n", is_executable = True)
    runfiles = ctx.runfiles(
        files = [ctx.file._script, ctx.file.image],
        transitive_files = ctx.attr._programs[DefaultInfo].files,
    )
    return script, runfiles

def _oci_push_impl(ctx):
    script, runfiles = _script(ctx, {
        "image": ctx.file.image.short_path,
        "remote_tags": "\n".join(ctx.attr.remote_tags),
        "repository": ctx.attr.repository,
    })
    return [DefaultInfo(executable = script, runfiles = runfiles)]

oci_push = rule(
    implementation = _oci_push_impl,
    doc = "Pushes an image or an index: bazel run //:push -- [--tag TAG] [--repository HOST/NAME].",
    attrs = dict(
        PYTHON_ATTRS,
        image = attr.label(
            allow_single_file = True,
            doc = "An oci_image or oci_index.",
            mandatory = True,
        ),
        remote_tags = attr.string_list(doc = "Tags to push under."),
        repository = attr.string(doc = "HOST/NAME, without a tag.", mandatory = True),
        _script = attr.label(default = "//tools/oci:push.sh", allow_single_file = True),
    ),
    executable = True,
)

def _oci_load_impl(ctx):
    script, runfiles = _script(ctx, {
        "image": ctx.file.image.short_path,
        "loader": ctx.attr.loader,
        "repo_tags": "\n".join(ctx.attr.repo_tags),
    })
    tarball = ctx.actions.declare_file(ctx.label.name + ".tar")
    arguments = [ctx.file.image.path, tarball.path] + ctx.attr.repo_tags
    run_python(ctx, "docker_archive", arguments, [ctx.file.image], [tarball], "OciTarball")
    return [
        DefaultInfo(executable = script, runfiles = runfiles),
        OutputGroupInfo(tarball = depset([tarball])),
    ]

oci_load = rule(
    implementation = _oci_load_impl,
    doc = "Loads an image into docker or podman. --output_groups=tarball builds the archive.",
    attrs = dict(
        PYTHON_ATTRS,
        image = attr.label(allow_single_file = True, doc = "An oci_image.", mandatory = True),
        loader = attr.string(doc = "Default: docker, else podman, whichever is there."),
        repo_tags = attr.string_list(doc = "Names that the image gets.", mandatory = True),
        _script = attr.label(default = "//tools/oci:load.sh", allow_single_file = True),
    ),
    executable = True,
)
