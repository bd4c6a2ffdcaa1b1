#!/bin/sh
# Runs a Python program among a test's runfiles.
export PYTHONPATH="$PWD" PYTHONDONTWRITEBYTECODE=1
exec python3 "$@"
