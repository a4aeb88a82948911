"""Which release is current: switched by renaming a link, so that there is one at every moment."""

from __future__ import annotations

from edgepack.deploy.layout import Layout
from edgepack.deploy.script import check_script, run_script
from edgepack.devices import Device
from edgepack.devices.upload import file_failure
from edgepack.errors import DeviceError

KEEP = 3
"""Releases that stay on the device, the current and the previous one among them."""

# mv to a link's own path would move into the folder it points to, and not every mv has -T (toybox before 2023, busybox). Moved
# into the folder it is to be in, a link replaces the one of its name by rename(2).
_SWITCH = """\
cd "$1" || exit 70
[ "$(cat lock/token 2>/dev/null)" = "$3" ] || exit 75
if [ -d "incoming/$2" ] && ! [ -d "releases/$2" ]; then mv -- "incoming/$2" "releases/$2" || exit 71; fi
[ -d "releases/$2" ] || exit 76
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

_PRUNE = """\
cd "$1" || exit 70
shift
for id in "$@"; do mv -- "releases/$id" ".trash.$id" && rm -rf -- ".trash.$id" "deployments/$id.json"; done
"""


def switch(device: Device, layout: Layout, identity: str, token: str) -> str | None:
    """Make a complete release current; the one that was current before, None when there was none.

    The release may still be in incoming/. Whatever happens, `current` is the old link or the new one.

    Raises:
        DeviceError: EP-530 when another deployer has taken the lock meanwhile; EP-510 and EP-511 as usual.
    """
    completed = run_script(device, _SWITCH, [layout.folder, identity, token], timeout=120.0)
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


def prune(device: Device, layout: Layout, keep: int = KEEP) -> list[str]:
    """Remove the releases used longest ago, but never the current and the previous one; those removed."""
    current, previous, releases = links(device, layout)
    spare = [identity for identity in releases if identity not in (current, previous)]
    kept = len(releases) - len(spare)
    removed = spare[max(0, keep - kept) :]
    if removed:
        check_script(device, _PRUNE, [layout.folder, *removed], layout.folder, timeout=120.0)
    return removed
