#!/bin/sh
# Make the virtual environment with edgepack and all its extras: setup.sh PYTHON VENV
set -eu
python=$1
venv=$2
cd "$(dirname "$0")/.."

if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
  echo "error: edgepack needs Python 3.10 or 3.11; $("$python" --version 2>&1 || echo "$python is not there")" >&2
  echo "  try: make setup PYTHON=python3.11" >&2
  exit 5
fi
PYTHON="$python" scripts/system-packages.sh venv
if [ ! -x "$venv/bin/pip" ] && [ -e "$venv" ]; then rm -rf "$venv"; fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing edgepack and its dependencies into $venv (about two minutes and 3 GB the first time) ..." >&2
# No byte code yet: Python writes that of the modules that are used when they are; all of it would take a minute more.
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --progress-bar off --no-compile \
     --constraint constraints.txt --editable ".[train,mcu,android,sign,search,dev]"; then
  echo "error: pip could not install edgepack's dependencies" >&2
  echo "  try: check the network connection and the free space (df -h .), then make setup again" >&2
  exit 5
fi
echo "Ready: $venv/bin/edgepack" >&2
