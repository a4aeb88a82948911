#!/bin/sh
# Bring this pack's model to an Android device over adb, check it there and time it; nothing stays there. Needs no edgepack: only adb
# here. PROGRAM is the model's own program (scripts/program/run, when the pack holds it) or Google's benchmark_model.
#
#   sh scripts/adb.sh [SERIAL]
#   PROGRAM=path/to/benchmark_model THREADS=4 RUNS=1000 sh scripts/adb.sh SERIAL
#
# Exit: 0 done, 1 something is wrong and was told.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
adb=${ADB:-adb}
program=${PROGRAM:-$here/scripts/program/run}
threads=${THREADS:-1}
runs=${RUNS:-200}
[ $# -eq 0 ] || { ANDROID_SERIAL=$1; export ANDROID_SERIAL; }

stop() { echo "error: $*" >&2; exit 1; }
[ -f "$program" ] || stop "there is no $program: set PROGRAM to the model's program or to benchmark_model"

quote() { printf "'"; printf '%s' "$1" | sed "s/'/'\\\\''/g"; printf "'"; }

# Run a line of shell there. Old devices and old clients lose its exit status: the line tells it itself.
there() {
  said=$("$adb" shell "$1; echo edgepack-status-\$?" </dev/null | tr -d '\r') || true
  status=$(printf '%s\n' "$said" | sed -n 's/.*edgepack-status-\([0-9]*\)$/\1/p' | tail -n 1)
  said=$(printf '%s\n' "$said" | sed 's/edgepack-status-[0-9]*$//')
  [ "${status:-none}" = 0 ]
}

push() {
  "$adb" push "$1" "$2" >/dev/null 2>&1 </dev/null || stop "adb cannot push $1"
  ours=$(sha256sum <"$1" | cut -d' ' -f1)
  there "sha256sum <$(quote "$2")" || stop "$2 cannot be read on the device"
  case $said in "$ours"*) ;; *) stop "$2 arrived damaged" ;; esac
  pushed=$((pushed + 1))
}

runner() {
  line="cd $(quote "$folder") && ./program"
  for word in "$@"; do line="$line $(quote "$word")"; done
  there "$line" || true
  case $said in *EDGEPACK-RESULT*EDGEPACK-END*) ;; *) stop "the program ended without a result" ;; esac
  result=$(printf '%s\n' "$said" | sed -n '/^EDGEPACK-RESULT$/{n;p;}')
  case $result in '{"error"'*) stop "the program: $result" ;; esac
}

value() { printf '%s\n' "$result" | sed -n "s/.*\"$1\": \([-+0-9.eE]*\).*/\1/p"; }
milliseconds() { awk -v seconds="$(value "$1")" 'BEGIN { printf "%.4g ms", 1000 * seconds }'; }

root=${EDGEPACK_ANDROID_ROOT:-/data/local/tmp}
folder=$root/edgepack-bench-$$
there "rm -rf -- $(quote "$folder") && mkdir -p -- $(quote "$folder/golden")" || stop "no device answers, or $root cannot be written"
trap 'there "rm -rf -- $(quote "$folder")" || true' EXIT
trap 'exit 1' HUP INT TERM

pushed=0
echo "Pushing to $folder"
push "$here/model.tflite" "$folder/model.tflite"
push "$program" "$folder/program"
for file in "$here"/golden/*; do push "$file" "$folder/golden/${file##*/}"; done
there "chmod 755 $(quote "$folder/program")" || stop "the program cannot be made executable"
echo "Verified $pushed files by their SHA-256"

there "$(quote "$folder/program") probe" || true
case $said in
  *EDGEPACK-RESULT*)
    runner golden --model model.tflite --folder golden
    echo "Golden vectors: $(value inputs_differing) of $(value count) differ from the reference, by at most $(value max_difference)"
    runner bench --model model.tflite --runs "$runs"
    echo "Latency of $(value runs) runs: median $(milliseconds p50), p95 $(milliseconds p95), p99 $(milliseconds p99), worst $(milliseconds max)"
    echo "First inference $(milliseconds first), peak memory $(value peak_memory) bytes"
    ;;
  *)
    options="--num_threads=$threads --num_runs=$runs --use_xnnpack=true"
    there "$(quote "$folder/program") --graph=$(quote "$folder/model.tflite") $options 2>&1" || stop "benchmark_model failed: $said"
    printf '%s\n' "$said" | grep 'Inference timings' || stop "benchmark_model told no timings"
    ;;
esac
