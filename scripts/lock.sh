#!/bin/sh
# Choose versions anew where pyproject.toml asks for it, and write their digests: lock.sh VENV [--upgrade]
#   requirements/base.txt            what edgepack needs without extras
#   requirements/all.txt             what `make setup` installs: all extras, with the same versions
#   edgepack/engines/wheels.sha256   what edgepack brings to devices
# What is in these files stays as it is while it fits; --upgrade takes the newest.
set -eu
venv=$1
shift
cd "$(dirname "$0")/.."
export UV_CUSTOM_COMPILE_COMMAND="make lock"
lock() {
  "$venv/bin/uv" pip compile --quiet --universal --python-version 3.10 --generate-hashes --only-binary :all: "$@" pyproject.toml
}
lock --all-extras --output-file requirements/all.txt "$@"
lock --constraints requirements/all.txt --output-file requirements/base.txt "$@"
"$venv/bin/python" scripts/lock_wheels.py
