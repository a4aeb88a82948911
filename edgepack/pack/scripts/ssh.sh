#!/bin/sh
# Bring this pack's model to a machine over ssh, check it there and time it; nothing stays there. Needs no edgepack: only ssh here,
# and there Python 3.9 or later with numpy and ai-edge-litert or tflite-runtime.
#
#   sh scripts/ssh.sh user@host
#   ENGINE=tflite THREADS=4 RUNS=1000 PYTHON=/opt/py/bin/python SSH="ssh -p 2222" sh scripts/ssh.sh user@host
#
# Exit: 0 done, 1 something is wrong and was told.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
host=${1:-}
threads=${THREADS:-1}
runs=${RUNS:-200}
python=${PYTHON:-python3}
engine=${ENGINE:-}
ssh=${SSH:-ssh}
case $host in '' | -*) echo "usage: sh scripts/ssh.sh user@host" >&2; exit 1 ;; esac

stop() { echo "error: $*" >&2; exit 1; }

# A word as the shell on the device reads it back.
quote() { printf "'"; printf '%s' "$1" | sed "s/'/'\\\\''/g"; printf "'"; }

# Run a line of shell there; standard input is passed on.
there() {
  # shellcheck disable=SC2086,SC2029
  $ssh -o BatchMode=yes -o ConnectTimeout=10 "$host" "$1"
}

# One of the runner's commands; a result without its end was cut.
runner() {
  command=$1
  shift
  line="cd $(quote "$folder") && env PYTHONDONTWRITEBYTECODE=1 $(quote "$python") scripts/runner/run.py $command"
  for word in "$@"; do line="$line $(quote "$word")"; done
  said=$(there "$line" </dev/null) || true
  case $said in *EDGEPACK-RESULT*EDGEPACK-END*) ;; *) stop "the runner on $host ended without a result" ;; esac
  result=$(printf '%s\n' "$said" | sed -n '/^EDGEPACK-RESULT$/{n;p;}')
  case $result in '{"error"'*) stop "the runner on $host: $result" ;; esac
}

# A number of the last result.
value() { printf '%s\n' "$result" | sed -n "s/.*\"$1\": \([-+0-9.eE]*\).*/\1/p"; }

milliseconds() { awk -v seconds="$(value "$1")" 'BEGIN { printf "%.4g ms", 1000 * seconds }'; }

# shellcheck disable=SC2016 # expanded on the device
folder=$(there 'mktemp -d "${TMPDIR:-/tmp}/edgepack-script-XXXXXX"' </dev/null) || stop "$host cannot be reached, or has no room"
trap 'there "rm -rf -- $(quote "$folder")" </dev/null || true' EXIT
trap 'exit 1' HUP INT TERM

echo "Pushing to $host:$folder"
(cd "$here" && tar -cf - model.tflite golden scripts/runner) | there "tar -xf - -C $(quote "$folder")" || stop "the transfer failed"

sums=$(cd "$here" && find model.tflite golden scripts/runner -type f -exec sha256sum {} +)
printf '%s\n' "$sums" | there "cd $(quote "$folder") && sha256sum -c - >/dev/null" || stop "files arrived damaged"
echo "Verified $(printf '%s\n' "$sums" | wc -l | tr -d ' ') files by their SHA-256"

if [ -z "$engine" ]; then
  runner probe
  case $result in
    *'"ai_edge_litert": {"version"'*) engine=litert ;;
    *'"tflite_runtime": {"version"'*) engine=tflite ;;
    *) stop "$python on $host has neither ai-edge-litert nor tflite-runtime" ;;
  esac
fi

runner golden --model model.tflite --folder golden --engine "$engine" --threads "$threads"
echo "Golden vectors with $engine: $(value inputs_differing) of $(value count) differ from the reference, by at most $(value max_difference)"

runner bench --model model.tflite --engine "$engine" --threads "$threads" --runs "$runs" --power off
echo "Latency of $(value runs) runs: median $(milliseconds p50), p95 $(milliseconds p95), p99 $(milliseconds p99), worst $(milliseconds max)"
echo "First inference $(milliseconds first), loading $(milliseconds load_time), peak memory $(value peak_memory) bytes"
