#!/usr/bin/env bash
# spark-submit.sh [SPARK OPTIONS] [--master M] [--env E] jobs/NAME.py ARGS: sets up when needed,
# zips lib/, passes conf/, and submits. Works from any folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
make --silent --no-print-directory -C "$here" setup >&2
export PYTHONPATH="$here/lib${PYTHONPATH:+:$PYTHONPATH}"
# Java's notice about a module that Spark asks for is news to nobody.
exec "$here/.venv/bin/python" -m lakehouse.submit "$@" \
    2> >(grep --line-buffered -v '^WARNING: Using incubator modules' >&2)
