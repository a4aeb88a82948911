#!/bin/sh
# Make the virtual environment with edgepack and all its extras: setup.sh PYTHON VENV
# Nothing is installed but the files whose digests are in requirements/all.txt, and edgepack itself from this folder.
set -eu
python=$1
venv=$2
cd "$(dirname "$0")/.."

if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 11))' 2>/dev/null; then
  echo "error: edgepack needs Python 3.10 or 3.11; $("$python" --version 2>&1 || echo "$python is not there")" >&2
  echo "  try: make setup PYTHON=python3.11" >&2
  exit 5
fi
if [ "$(uname -s)" != Linux ]; then
  echo "error: edgepack needs Linux: tflite-runtime, whose kernels it checks models with, exists for no other system" >&2
  echo "  try: a virtual machine or a container; on Windows WSL" >&2
  exit 5
fi
PYTHON="$python" scripts/system-packages.sh venv
if [ ! -x "$venv/bin/pip" ] && [ -e "$venv" ]; then rm -rf "$venv"; fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing edgepack and its dependencies into $venv (about two minutes and 3 GB the first time) ..." >&2
# No byte code yet: Python writes that of the modules that are used when they are; all of it would take a minute more.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
install() {
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --progress-bar off --no-compile --no-deps "$@"
}
if ! { install --require-hashes --only-binary :all: --requirement requirements/all.txt &&
       install --no-index --no-build-isolation --editable .; } 2>"$said"; then
  cat "$said" >&2
  if grep -q "DO NOT MATCH THE HASHES" "$said"; then
    echo "error: a package is not the file that requirements/all.txt names by its SHA-256; it was not installed" >&2
    echo "  try: ask who runs the index that pip is set up for ($venv/bin/pip config list); make lock if you changed versions" >&2
  else
    echo "error: pip could not install edgepack's dependencies" >&2
    echo "  try: check the network connection and the free space (df -h .), then make setup again" >&2
  fi
  exit 5
fi
echo "Ready: $venv/bin/edgepack" >&2
