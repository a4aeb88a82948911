"""Taking a model off a device: all of it, or a release that turned out bad; and what is there."""

from __future__ import annotations

from contextlib import suppress

from edgepack.devices import Device
from edgepack.devices.upload import file_failure
from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import whole_number
from edgepack.ground.progress import Progress
from edgepack.project import Target
from edgepack.releases.release import DAMAGED_FUNCTION
from edgepack.releases.switch import Admission, links, prune, switch
from edgepack.releases.types import Deployment, InstalledRelease, Uninstalled
from edgepack.remote.layout import Layout, layout
from edgepack.remote.lock import DeviceLock
from edgepack.remote.script import check_script, run_script

_THERE = 'cd "$1" 2>/dev/null || exit 0; if [ -d "./$2" ]; then echo model; else ls -d .uninstalled.* 2>/dev/null; fi; :'

# The folder leaves by one rename: a reader of `current` finds the release, or nothing.
_REMOVE = """\
cd "$1" && [ -d "./$2" ] || exit 70
[ "$(cat "./$2/lock/token" 2>/dev/null)" = "$3" ] || exit 75
set -- "$1" "$2" "$3" $(du -sk "./$2" 2>/dev/null) 0
size=$4
ls -1 "./$2/releases" 2>/dev/null | wc -l
echo "$size"
mv -- "./$2" ".uninstalled.$3" && rm -rf -- .uninstalled.*
"""

# What models share goes with the last of them; the root folder when nothing else is in it. A key that the device was given stays.
_REMOVE_SHARED = """\
cd "$1" || exit 0
rm -rf -- .uninstalled.*
for f in *; do [ -e "$f" ] && exit 0; done
[ -d .runtimes/lock ] && exit 0
rm -rf -- .runners .runtimes .bench
[ -e .trust/key.pub ] || rm -rf -- .trust
"""
_REMOVE_ROOT = 'rmdir -- "$1" 2>/dev/null; [ -d "$1" ] && echo there; :'

# Where there was nothing before, `current` goes first: from then on nothing is deployed.
_DISCARD = """\
cd "$1" || exit 70
[ "$(cat lock/token 2>/dev/null)" = "$3" ] || exit 75
if [ "$(readlink current)" = "releases/$2" ]; then [ "$4" = first ] || exit 76; rm -f -- current || exit 71; fi
if [ "$(readlink previous)" = "releases/$2" ]; then rm -f -- previous; fi
mv -- "releases/$2" ".trash.$2" && rm -rf -- ".trash.$2" "deployments/$2.json"
"""

_LIST = (
    DAMAGED_FUNCTION
    + """\
cd "$1" 2>/dev/null || exit 0
for folder in ./*; do
  [ -d "$folder/releases" ] || continue
  name=${folder#./}
  if [ -n "$2" ] && [ "$name" != "$2" ]; then continue; fi
  ls -1t "$folder/releases" | while IFS= read -r id; do
    state=
    [ "$(readlink "$folder/previous")" = "releases/$id" ] && state=previous
    [ "$(readlink "$folder/current")" = "releases/$id" ] && state=current
    size=$(du -sk "$folder/releases/$id" | cut -f1)
    used=$(stat -c %Y "$folder/releases/$id" 2>/dev/null)
    bad=$(damaged "$folder/releases/$id" </dev/null | head -n 1)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$id" "$size" "$used" "$state" "$bad"
  done
done
"""
)


def uninstall(name: str, device: Device, target: Target, progress: Progress) -> Uninstalled:
    """Remove everything of `name` from the device; with the last model there also what models share, and an empty root folder.

    Raises:
        DeviceError: EP-531 when nothing of that name is there, EP-514 while somebody deploys it.
    """
    place = layout(device, name, target.device.root)
    there = run_script(device, _THERE, [place.root, name]).text
    if not there:
        raise DeviceError("EP-531", f"{device.name}: nothing named {name} is deployed there", "see `edgepack device releases`")
    releases = size = 0
    if there == "model":
        with DeviceLock(device, place.lock, progress) as lock:
            completed = run_script(device, _REMOVE, [place.root, name, lock.token], timeout=300.0)
            if completed.status == 75:
                raise DeviceError("EP-530", f"{device.name}: a deployment took over meanwhile", "run the command again")
            if completed.status != 0:
                raise file_failure(device.name, place.folder, completed)
        releases, size = (whole_number(word) or 0 for word in (*completed.text.split(), "0", "0")[:2])
    # While somebody measures there, what models share is in use.
    with suppress(DeviceError), DeviceLock(device, place.measuring, progress):
        run_script(device, _REMOVE_SHARED, [place.root], timeout=300.0)
    emptied = run_script(device, _REMOVE_ROOT, [place.root]).text != "there"
    return Uninstalled(name=name, root=place.root, releases=releases, freed=size * 1024, root_removed=emptied)


def withdraw(deployment: Deployment, device: Device, target: Target, progress: Progress) -> str | None:
    """Undo a deployment: make the release before it current again, or none when there was none; the one that is current now.

    The release is removed, so that no rollback leads to it. Where somebody has made another one current meanwhile, nothing
    is done.

    Raises:
        DeviceError: EP-514 while somebody deploys there, EP-532 when the release before is gone.
    """
    place = Layout(deployment.root, deployment.name)
    if deployment.before == deployment.release:
        return deployment.release
    with DeviceLock(device, place.lock, progress, wait=60.0) as lock:
        current, _, releases = links(device, place)
        if current != deployment.release:
            return current
        if deployment.before is not None and deployment.before not in releases:
            raise DeviceError(
                "EP-532",
                f"{device.name}: release {deployment.before} is gone; {deployment.release} stays current",
                "deploy that version again",
            )
        if deployment.before is not None:
            switch(device, place, deployment.before, lock.token, Admission())
        arguments = [place.folder, deployment.release, lock.token, "first" if deployment.before is None else ""]
        check_script(device, _DISCARD, arguments, place.folder, timeout=120.0)
        prune(device, place, target.device.keep)
    return deployment.before


def installed(device: Device, target: Target, name: str | None = None) -> tuple[InstalledRelease, ...]:
    """Every release on the device, of one model or of all, the last used first, each with its files read there."""
    root = layout(device, name or "any", target.device.root).root
    said = check_script(device, _LIST, [root, name or ""], root, timeout=600.0)
    rows = [line.split("\t") for line in said.splitlines()]
    return tuple(
        InstalledRelease(
            name=row[0],
            release=row[1],
            size=(whole_number(row[2]) or 0) * 1024,
            used=whole_number(row[3]),
            state=row[4],
            damaged=row[5],
        )
        for row in rows
        if len(row) == 6
    )
