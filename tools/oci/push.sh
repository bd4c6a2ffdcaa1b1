#!/bin/bash
# Pushes an image layout with skopeo. Sourced by oci_push's program, which sets image, repository
# and remote_tags. Credentials come from where skopeo and docker look for them.
#
#   --tag TAG, --repository HOST/NAME   instead of the rule's
#   --authfile FILE                     credentials in docker's format
#   --insecure                          http, or https with a certificate nobody vouches for

set -eu
# shellcheck disable=SC2154 # Set by the program that sources this.
mapfile -t tags <<<"$remote_tags"
given_tags=()
options=()
while (($#)); do
  case $1 in
    -t | --tag) given_tags+=("$2") && shift 2 ;;
    -r | --repository) repository=$2 && shift 2 ;;
    --authfile) options+=("--dest-authfile=$2") && shift 2 ;;
    --insecure) options+=(--dest-tls-verify=false) && shift ;;
    *)
      echo "unknown option $1 (--tag, --repository, --authfile, --insecure)" >&2
      exit 2
      ;;
  esac
done
((${#given_tags[@]} == 0)) || tags=("${given_tags[@]}")
for tag in "${tags[@]}"; do
  if [[ -z $tag ]]; then
    echo "no tag: give remote_tags to the rule, or --tag" >&2
    exit 2
  fi
  # shellcheck disable=SC2154
  skopeo copy --all --preserve-digests "${options[@]}" "oci:$image" "docker://$repository:$tag"
done
