"""Which release is current: switched by renaming a link, so that there is one at every moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgepack.devices import Completed, Device
from edgepack.devices.upload import file_failure
from edgepack.ground.errors import DeviceError
from edgepack.releases.release import COLLECT
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script, run_script
from edgepack.runners import RunnerFailure, parse_result
from edgepack.signing import PackSignature, signature_error

# Where the device has a key, or a signature is asked for, the runner there has to admit the release first: it checks signature,
# files and age, and stores what is trusted from then on, before anything is switched. The signature files come as arguments, for
# a release that was there already keeps its own until new ones were found right.
_ADMIT = """\
cd "$1" || exit 70
[ "$(cat lock/token 2>/dev/null)" = "$3" ] || exit 75
folder=$1 id=$2 token=$3 mode=$4 must=$5 signature=$6 key=$7 endorsement=$8
shift 8
where=releases/$id
[ -d "$where" ] || where=incoming/$id
beside=$where
if [ -n "$signature" ]; then
  beside=.signature.$token
  mkdir -p -- "$beside" && printf '%s' "$signature" | cat >"$beside/manifest.json.minisig" &&
    printf '%s' "$key" | cat >"$beside/signing-key.pub" || exit 71
  [ -z "$endorsement" ] || printf '%s' "$endorsement" | cat >"$beside/signing-key.pub.minisig" || exit 71
fi
admitted() {
  [ "$mode" != withdraw ] || return 0
  [ -e ../.trust/key.pub ] || [ "$must" = yes ] || return 0
  [ -f "$beside/manifest.json.minisig" ] || return 79
  [ $# -gt 0 ] || return 80
  "$@" verify --folder "$where" --signature "$beside" --trust ../.trust "--name=${folder##*/}" --mode "$mode" || return 81
}
admitted "$@" || { status=$?; rm -rf -- ".signature.$token"; exit "$status"; }
if [ "$beside" != "$where" ]; then
  [ -n "$endorsement" ] || rm -f -- "$where/signing-key.pub.minisig"
  for f in "$beside"/*; do mv -f -- "$f" "$where/${f##*/}" || exit 71; done
  rmdir -- "$beside"
fi
set -- "$folder" "$id" "$token" "$mode"
"""

# mv to a link's own path would move into the folder it points to, and not every mv has -T (toybox before 2023, busybox). Moved
# into the folder it is to be in, a link replaces the one of its name by rename(2). Standard input is the release's record,
# or nothing.
SWITCH = (
    _ADMIT
    + """\
if [ -d "incoming/$2" ] && ! [ -d "releases/$2" ]; then mv -- "incoming/$2" "releases/$2" || exit 71; fi
[ -d "releases/$2" ] || exit 76
mkdir -p deployments && cat >deployments/.new || exit 71
if [ -s deployments/.new ]; then mv -f -- deployments/.new "deployments/$2.json" || exit 71; else rm -f deployments/.new; fi
old=$(readlink current 2>/dev/null)
if [ -e ../.trust/key.pub ]; then
  echo "$(date -u +%Y-%m-%dT%H:%M:%SZ) $4 $2 after ${old##*/} of ${1##*/}" | cat >>../.trust/journal || exit 71
fi
flush() { sync -f . 2>/dev/null || sync; }
replace() { mkdir -p ".switch.$3" && ln -s -- "$1" ".switch.$3/$2" && mv -f -- ".switch.$3/$2" .; }
flush
touch "releases/$2"
if [ "$old" != "releases/$2" ]; then
  if [ -n "$old" ]; then replace "$old" previous "$3" || exit 77; fi
  replace "releases/$2" current "$3" || exit 77
  rmdir ".switch.$3"
  flush
fi
rm -rf -- "incoming/$2"
printf '%s\\n' "${old##*/}"
"""
)

_LINKS = 'cd "$1" 2>/dev/null || exit 0; readlink current || echo; readlink previous || echo; ls -1t releases 2>/dev/null; :'

# A release leaves by a rename, so that what is in releases/ is whole at any time. Blobs that no release uses go with it, and
# all of them where a blob is a second copy.
_PRUNE = (
    """\
cd "$1" || exit 70
c=$(readlink current) p=$(readlink previous) room=$2
[ -n "$c" ] && room=$((room - 1))
[ -n "$p" ] && [ "$p" != "$c" ] && [ -d "$p" ] && room=$((room - 1))
ls -1t releases | while IFS= read -r id; do
  if [ "releases/$id" = "$c" ] || [ "releases/$id" = "$p" ]; then continue; fi
  room=$((room - 1))
  if [ "$room" -lt 0 ]; then mv -- "releases/$id" ".trash.$id" && rm -rf -- ".trash.$id" "deployments/$id.json"; fi
done
used=$(cat releases/*/SHA256SUMS 2>/dev/null)
true | cat >.probe
ln .probe .probe.link 2>/dev/null || used=
rm -rf .probe .probe.link incoming/* blobs/*.part-*
"""
    + COLLECT
)


@dataclass(frozen=True)
class Admission:
    """What a switch has to show on the device: `signature` of the release's pack, whether there `must` be one, and `verifier`,
    the command of a runner that checks it there. `mode` "rollback" allows an older release, "withdraw" that before."""

    mode: Literal["deploy", "rollback", "withdraw"] = "withdraw"
    must: bool = False
    signature: PackSignature | None = None
    verifier: tuple[str, ...] = ()


def switch(device: Device, layout: Layout, identity: str, token: str, admission: Admission, record: str = "") -> str | None:
    """Make a complete release current; the one that was current before, None when there was none.

    The release may still be in incoming/; `record` is what is written to deployments/. Whatever happens, `current` is the old
    link or the new one.

    Raises:
        DeviceError: EP-530 when another deployer has taken the lock meanwhile; EP-570 to EP-576 when the device does not admit
            the release; EP-510 and EP-511 as usual.
    """
    signed = admission.signature
    words = ("", "", "") if signed is None else (signed.signature, signed.key, signed.endorsement or "")
    must = "yes" if admission.must or signed is not None else "no"
    arguments = [layout.folder, identity, token, admission.mode, must, *words, *admission.verifier]
    completed = run_script(device, SWITCH, arguments, timeout=120.0, stdin=record.encode())
    if completed.status == 75:
        raise DeviceError(
            "EP-530", f"{device.name}: another deployment took over meanwhile; nothing was switched", "run the command again"
        )
    if completed.status in _REFUSED:
        raise _refusal(device.name, identity, completed)
    if completed.status != 0:
        raise file_failure(device.name, layout.current, completed)
    return completed.text.rpartition("EDGEPACK-END")[2].strip() or None


_UNSIGNED, _NO_VERIFIER, _NOT_ADMITTED = _REFUSED = (79, 80, 81)


def _refusal(name: str, identity: str, completed: Completed) -> DeviceError:
    """Why the device did not admit a release, by what its runner said."""
    place = f"{name}: release {identity} was refused there"
    if completed.status == _UNSIGNED:
        return signature_error("unsigned", f"{place}: it is not signed")
    if completed.status == _NO_VERIFIER:
        return signature_error("system", f"{place}: nothing there can check its signature")
    try:
        parse_result(completed.stdout)
    except RunnerFailure as failure:
        said = str(failure) if failure.kind != "cut" else completed.last_error_line or str(failure)
        of_the_disk = file_failure(name, identity, Completed(completed.status, b"", said.encode()))
        if failure.kind == "system" and of_the_disk.code in ("EP-510", "EP-511"):
            return of_the_disk
        return signature_error(failure.kind, f"{place}: {said}")
    return signature_error("system", f"{place}: its runner ended without saying why")


def links(device: Device, layout: Layout) -> tuple[str | None, str | None, list[str]]:
    """The current release, the one before, and every release on the device, the last used first."""
    lines = [*check_script(device, _LINKS, [layout.folder], layout.folder).split("\n"), "", ""]
    current, previous = (lines[index].rpartition("/")[2] or None for index in (0, 1))
    return current, previous, [line for line in lines[2:] if line]


def prune(device: Device, layout: Layout, keep: int) -> None:
    """Keep `keep` releases, the last used, the current and the previous one always; remove content that none of them has."""
    check_script(device, _PRUNE, [layout.folder, str(keep)], layout.folder, timeout=120.0)
