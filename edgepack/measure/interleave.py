"""Two runners on one device taking turns, so that whatever changes there changes for both.

Each side is one process that keeps its model loaded and times a block of inferences when it is asked to (`serve`); meanwhile the
other waits. Blocks come in fours, A B B A and then B A A B, so that a drift that is linear over four blocks adds the same
to both. A small shell script on the device asks, so that any runner can be compared with any other.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from edgepack.devices import Device
from edgepack.engines.call import refuse_misshapen
from edgepack.engines.errors import RunnerFailed
from edgepack.engines.results import SERVED
from edgepack.engines.types import Runner
from edgepack.runners import RunnerFailure, parse_result

BLOCK = 0.05  # seconds: long against the scheduler's time slices, short against the heating of a board
LEAST, MOST = 8, 60  # groups of four blocks
_WARMUP_SECONDS = 10.0
_RUNS_A_BLOCK = 4  # run_bench.LEAST

# $1 a folder, $2 $3 a block's length in seconds and microseconds, $4 microseconds for everything, $5 $6 the least and most
# groups, $7 $8 the commands. Prints "a <times>" and "b <times>", and at the end the results as "a-said" and "b-said" lines.
_SCRIPT = """\
dir=$1 block=$2 micros=$3 budget=$4 least=$5 most=$6
mkdir -p -- "$dir" || exit 70
mkfifo -- "$dir/a.in" "$dir/a.out" "$dir/b.in" "$dir/b.out" || exit 71
one= two=
trap 'kill $one $two 2>/dev/null; rm -f -- "$dir/a.in" "$dir/a.out" "$dir/b.in" "$dir/b.out"' EXIT
trap 'exit 75' HUP INT TERM
ready() {
  while read -r word value; do
    [ "$word" = ready ] && return
    printf '%s-said %s\\n' "$1" "$word $value"
  done
  exit 72
}
sh -c "exec $7" <"$dir/a.in" >"$dir/a.out" & one=$!
exec 3>"$dir/a.in" 4<"$dir/a.out"
ready a <&4; first=$value
sh -c "exec $8" <"$dir/b.in" >"$dir/b.out" 3>&- 4<&- & two=$!
exec 5>"$dir/b.in" 6<"$dir/b.out"
ready b <&6; second=$value
[ $((4 * first)) -gt "$micros" ] && first=$((4 * first)) || first=$micros
[ $((4 * second)) -gt "$micros" ] && second=$((4 * second)) || second=$micros
groups=$((budget / (2 * (first + second))))
[ "$groups" -lt "$least" ] && groups=$least
[ "$groups" -gt "$most" ] && groups=$most
a() { echo "block $block" >&3; read -r line <&4 || exit 73; echo "a $line"; }
b() { echo "block $block" >&5; read -r line <&6 || exit 74; echo "b $line"; }
while [ "$groups" -gt 0 ]; do
  if [ $((groups % 2)) -eq 0 ]; then a; b; b; a; else b; a; a; b; fi
  groups=$((groups - 1))
done
echo end >&3; while read -r line <&4; do echo "a-said $line"; done
echo end >&5; while read -r line <&6; do echo "b-said $line"; done
"""


@dataclass(frozen=True)
class Taken:
    """What one side gave: the times of its blocks in seconds, each block's in order, and the runner's own result."""

    blocks: tuple[tuple[float, ...], ...]
    result: dict[str, Any]


def interleave(
    device: Device, folder: str, runners: tuple[Runner, Runner], models: tuple[str, str], warmup: int, seconds: float
) -> tuple[Taken, Taken]:
    """Run two models in turns for about `seconds`, in `folder` on the device.

    Raises:
        DeviceError: EP-517 when a runner fails or crashes, EP-508 when it takes too long.
    """
    commands = [_command(runner, model, warmup) for runner, model in zip(runners, models, strict=True)]
    numbers = [str(BLOCK), str(round(BLOCK * 1e6)), str(round(seconds * 1e6)), str(LEAST), str(MOST)]
    timeout = sum(runner.timeout for runner in runners) + 4 * seconds + 4 * _WARMUP_SECONDS
    completed = device.run(["sh", "-c", _SCRIPT, "sh", folder, *numbers, *commands], timeout=timeout)
    lines = completed.stdout.decode("utf-8", "replace").splitlines()
    sides = tuple(_taken(lines, name, device, runner) for name, runner in zip("ab", runners, strict=True))
    counts = {len(side.blocks) for side in sides}
    if completed.status != 0 or len(counts) > 1 or min(counts) == 0 or min(counts) % 2:
        said = completed.last_error_line or f"exit status {completed.status}"
        raise RunnerFailed("EP-517", f"{device.name}: the comparison broke off: {said}", "run the command again with -v")
    return sides[0], sides[1]


def _command(runner: Runner, model: str, warmup: int) -> str:
    words = [*runner.argv, "serve", "--model", model, "--engine", runner.engine, "--threads", str(runner.threads)]
    return shlex.join([*words, "--warmup", str(warmup), "--warmup-seconds", str(_WARMUP_SECONDS)])


def _taken(lines: list[str], name: str, device: Device, runner: Runner) -> Taken:
    said = "\n".join(line.removeprefix(f"{name}-said ") for line in lines if line.startswith(f"{name}-said "))
    try:
        result = parse_result(said.encode())
        refuse_misshapen(device.name, result, SERVED)
        rows = [line.split()[1:] for line in lines if line.startswith(f"{name} ")]
        if not all(row and all(re.fullmatch("[0-9]{1,18}", word) and int(word) > 0 for word in row) for row in rows):
            raise ValueError("a block's times are not nanoseconds")
        return Taken(tuple(tuple(int(word) / 1e9 for word in row) for row in rows), result)
    except (RunnerFailure, ValueError) as error:
        raise RunnerFailed(
            "EP-517",
            f"{device.name}: {runner.engine} failed in the comparison: {error}",
            "measure each model on its own first: edgepack bench MODEL",
        ) from error
