#!/bin/bash
# Loads an image layout into docker or podman. Sourced by oci_load's program, which sets image,
# loader and repo_tags.

set -eu -o pipefail
# shellcheck disable=SC2154 # Set by the program that sources this.
mapfile -t tags <<<"$repo_tags"
if [[ -z ${loader:-} ]]; then
  loader=$(command -v docker || command -v podman) || {
    echo "neither docker nor podman is there to load the image into" >&2
    exit 1
  }
fi
# shellcheck disable=SC2154
python3 -B -s -m tools.oci.docker_archive "$image" - "${tags[@]}" | "$loader" load
