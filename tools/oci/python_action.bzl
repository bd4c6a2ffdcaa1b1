"""Runs one of this package's Python programs as a build action."""

_PYTHON = "/usr/bin/python3"

# What a rule needs to use run_python.
PYTHON_ATTRS = {
    "_programs": attr.label(default = "//tools/oci:programs"),
}

def run_python(ctx, program, arguments, inputs, outputs, mnemonic):
    """Declares the action.

    Args:
      ctx: of a rule with PYTHON_ATTRS.
      program: a module of //tools/oci, without its extension.
      arguments: strings and Args.
      inputs: files, beside the program.
      outputs: files.
      mnemonic: the action's kind.
    """
    ctx.actions.run(
        executable = _PYTHON,
        arguments = ["-B", "-s", "-m", "tools.oci." + program] + arguments,
        inputs = depset(inputs, transitive = [ctx.attr._programs[DefaultInfo].files]),
        mnemonic = mnemonic,
        outputs = outputs,
        progress_message = "%s %s" % (mnemonic, ctx.label),
    )
