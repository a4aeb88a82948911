#!/bin/sh
# Look up every locked package in the advisories of PyPI: audit.sh VENV
# Ends with 1 when one has a known vulnerability, and with 5 when that could not be found out.
set -eu
venv=$1
cd "$(dirname "$0")/.."
said=$(mktemp)
trap 'rm -f "$said"' EXIT
status=0
"$venv/bin/pip-audit" --strict --require-hashes --disable-pip --progress-spinner off \
  --requirement requirements/all.txt 2>"$said" || status=$?
if [ "$status" != 0 ] && grep -qE "could not be audited|Error" "$said"; then
  tail -n 1 "$said" | cut -c 1-300 >&2
  echo "error: the advisories could not be looked up, so nothing is known of vulnerabilities" >&2
  echo "  try: make audit again where PyPI can be reached" >&2
  exit 5
fi
cat "$said" >&2
exit "$status"
