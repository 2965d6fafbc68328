#!/usr/bin/env bash
# spark-submit.sh [SPARK OPTIONS] [--master M] [--env E] jobs/NAME.py ARGS: sets up when needed,
# zips lib/, passes conf/, and submits. Works from any folder.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
make --silent --no-print-directory -C "$here" setup >&2
PYTHONPATH="$here/lib" exec "$here/.venv/bin/python" -m lakehouse.submit "$@"
