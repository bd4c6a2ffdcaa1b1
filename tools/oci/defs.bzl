"""Container images. See README.md, also for how to take rules_oci and rules_pkg instead."""

load(":image.bzl", _oci_image = "oci_image", _oci_index = "oci_index")
load(":layer.bzl", _debian_layer = "debian_layer", _pkg_tar = "pkg_tar")
load(":run.bzl", _oci_load = "oci_load", _oci_push = "oci_push")

debian_layer = _debian_layer
oci_image = _oci_image
oci_index = _oci_index
oci_load = _oci_load
oci_push = _oci_push
pkg_tar = _pkg_tar
