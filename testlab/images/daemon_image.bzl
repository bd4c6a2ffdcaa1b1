"""Images of our own programs."""

load("//tools/oci:defs.bzl", "oci_image", "pkg_tar")

def daemon_image(name, binary, program, exposed_ports = []):
    """An image of one program on the Debian base image, run as nobody.

    Args:
      name: the image's target; NAME_layer is its layer.
      binary: the cc_binary.
      program: the name that the program gets in /usr/bin.
      exposed_ports: as in oci_image.
    """
    pkg_tar(
        name = name + "_layer",
        empty_dirs = ["/etc/kraken"],
        files = {binary: "/usr/bin/" + program},
    )
    oci_image(
        name = name,
        base = "//testlab/images:debian_base_image",
        entrypoint = ["/usr/bin/" + program],
        exposed_ports = exposed_ports,
        labels = {"org.opencontainers.image.title": program},
        tars = [":" + name + "_layer"],
        user = "65534:65534",
    )
