"""Which release is current: switched by renaming a link, so that there is one at every moment."""

from __future__ import annotations

from edgepack.devices import Device
from edgepack.devices.upload import file_failure
from edgepack.ground.errors import DeviceError
from edgepack.releases.release import COLLECT
from edgepack.remote.layout import Layout
from edgepack.remote.script import check_script, run_script

# mv to a link's own path would move into the folder it points to, and not every mv has -T (toybox before 2023, busybox). Moved
# into the folder it is to be in, a link replaces the one of its name by rename(2). Standard input is the release's record,
# or nothing.
_SWITCH = """\
cd "$1" || exit 70
[ "$(cat lock/token 2>/dev/null)" = "$3" ] || exit 75
if [ -d "incoming/$2" ] && ! [ -d "releases/$2" ]; then mv -- "incoming/$2" "releases/$2" || exit 71; fi
[ -d "releases/$2" ] || exit 76
mkdir -p deployments && cat >deployments/.new || exit 71
if [ -s deployments/.new ]; then mv -f -- deployments/.new "deployments/$2.json" || exit 71; else rm -f deployments/.new; fi
flush() { sync -f . 2>/dev/null || sync; }
replace() { mkdir -p ".switch.$3" && ln -s -- "$1" ".switch.$3/$2" && mv -f -- ".switch.$3/$2" .; }
flush
touch "releases/$2"
old=$(readlink current 2>/dev/null)
if [ "$old" != "releases/$2" ]; then
  if [ -n "$old" ]; then replace "$old" previous "$3" || exit 77; fi
  replace "releases/$2" current "$3" || exit 77
  rmdir ".switch.$3"
  flush
fi
rm -rf -- "incoming/$2"
printf '%s\\n' "${old##*/}"
"""

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


def switch(device: Device, layout: Layout, identity: str, token: str, record: str = "") -> str | None:
    """Make a complete release current; the one that was current before, None when there was none.

    The release may still be in incoming/; `record` is what is written to deployments/. Whatever happens, `current` is the old
    link or the new one.

    Raises:
        DeviceError: EP-530 when another deployer has taken the lock meanwhile; EP-510 and EP-511 as usual.
    """
    arguments = [layout.folder, identity, token]
    completed = run_script(device, _SWITCH, arguments, timeout=120.0, stdin=record.encode())
    if completed.status == 75:
        raise DeviceError(
            "EP-530", f"{device.name}: another deployment took over meanwhile; nothing was switched", "run the command again"
        )
    if completed.status != 0:
        raise file_failure(device.name, layout.current, completed)
    return completed.text or None


def links(device: Device, layout: Layout) -> tuple[str | None, str | None, list[str]]:
    """The current release, the one before, and every release on the device, the last used first."""
    lines = [*check_script(device, _LINKS, [layout.folder], layout.folder).split("\n"), "", ""]
    current, previous = (lines[index].rpartition("/")[2] or None for index in (0, 1))
    return current, previous, [line for line in lines[2:] if line]


def prune(device: Device, layout: Layout, keep: int) -> None:
    """Keep `keep` releases, the last used, the current and the previous one always; remove content that none of them has."""
    check_script(device, _PRUNE, [layout.folder, str(keep)], layout.folder, timeout=120.0)
