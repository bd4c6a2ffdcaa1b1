#!/bin/bash
# Runs clang-tidy on one source with the flags that Bazel compiles it with.
#
#   run_clang_tidy.sh REPORT CONFIG SOURCE FLAG...
#
# Prints the findings and fails if there are any; writes an empty report otherwise.

set -u
report=$1
config=$2
source=$3
shift 3

flags=()
for flag in "$@"; do
  case $flag in
    # What only GCC knows, and what has no meaning where nothing is compiled.
    -fno-canonical-system-headers | -Wno-free-nonheap-object | -Wunused-but-set-parameter) ;;
    -fsanitize* | -fstack-protector | -Werror | -g* | -O*) ;;
    -D__DATE__=* | -D__TIME__=* | -D__TIMESTAMP__=* | -Wno-builtin-macro-redefined) ;;
    *) flags+=("$flag") ;;
  esac
done

# Clang checks the locking annotations, which GCC passes over. Abseil's headers use builtins that a
# newer Clang calls deprecated.
output=$(clang-tidy-16 --quiet --config-file="$config" "$source" -- "${flags[@]}" \
  -Wno-unknown-warning-option -Wno-deprecated-builtins -Wthread-safety 2>&1)
status=$?
if ((status != 0)); then
  sed -E "s,^$PWD/,,; /^[0-9]+ warnings? (generated|treated)|^Suppressed /d" <<<"$output"
  exit "$status"
fi
: >"$report"
