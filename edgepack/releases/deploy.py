"""A pack onto a device: upload, verify, run the golden vectors there, switch; and back again."""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from edgepack.devices import Device
from edgepack.engines.choose import choose_runner
from edgepack.engines.errors import WrongOutputs
from edgepack.engines.golden import check_golden
from edgepack.ground.errors import DeviceError
from edgepack.ground.foreign import parse_json
from edgepack.ground.progress import Progress
from edgepack.kinds import KINDS
from edgepack.project import Target
from edgepack.releases.release import SUMS, send_release, wrong_files
from edgepack.releases.switch import Admission, links, prune, switch
from edgepack.releases.types import Deployment, Rollback
from edgepack.remote.layout import Layout, layout
from edgepack.remote.lock import DeviceLock
from edgepack.remote.script import run_script
from edgepack.signing import PackSignature, SignatureRefused, check_signature, read_signature, signature_error

if TYPE_CHECKING:
    from edgepack.pack import Pack

_GOLDEN_SECONDS = 120.0


def deploy(pack: Pack, device: Device, target: Target, progress: Progress) -> Deployment:
    """Make `pack` the current release on `device`.

    The steps are: check the pack's signature, where it has one; lock; send the content that is missing and link it into
    incoming/; verify every file's SHA-256 on the device; provide the engine; run the golden vectors with it; let the device check
    the signature; rename the release into place; switch `current`; remove old releases and content that none uses. A step that
    fails leaves `current` as it was, and the next deployment cleans up.

    Raises:
        ModelError: EP-251 the pack was altered since it was made.
        SignatureRefused: EP-570 to EP-576 it is not signed as this target or the device asks for.
        DeviceError: what failed, by its code; see docs/errors.md.
    """
    start = time.monotonic()
    place = layout(device, pack.name, target.device.root)
    identity = check_identity(pack.id)
    signature = _signature(pack, target)
    with DeviceLock(device, place.lock, progress) as lock:
        with progress.stage("Uploading", device.name) as task:
            python = target.device.python or KINDS[device.kind].python
            sent = send_release(device, place, pack, task, signature is not None, python)
            model = f", of model.tflite {sent.model / 1e3:.1f} of {pack.model.stat().st_size / 1e3:.1f} kB" if sent.model else ""
            patched = f", {sent.patched} file{'s' * (sent.patched != 1)} as patches" if sent.patched else ""
            task.finish(f"{sent.uploaded / 1e3:.0f} kB sent{model}{patched}, {sent.reused / 1e3:.0f} kB were there")
        runner = choose_runner(device, place, target, sent.path, pack, progress)
        with progress.stage("Golden vectors", f"{runner.engine} {runner.engine_version} on {device.name}") as task:
            timeout = target.device.timeout_s + _GOLDEN_SECONDS
            try:
                golden = check_golden(device, runner, sent.path, pack.folder / "golden", timeout)
            except WrongOutputs:  # sending it again would not make it better
                prune(device, place, target.device.keep)
                raise
            task.finish(f"{golden.inputs_differing} of {golden.inputs} differ, by at most {golden.max_difference:g}")
        record = json.dumps({"release": identity, "runner": asdict(runner), "golden": asdict(golden)}, sort_keys=True)
        admission = Admission("deploy", target.device.require_signature, signature, runner.argv)
        try:
            before = switch(device, place, identity, lock.token, admission, record)
        except SignatureRefused:
            prune(device, place, target.device.keep)
            raise
        prune(device, place, target.device.keep)
    return Deployment(
        name=pack.name,
        release=identity,
        path=place.current,
        root=place.root,
        runner=runner,
        golden=golden,
        replaced=None if before == identity else before,
        uploaded=sent.uploaded,
        model_sent=sent.model,
        reused=sent.reused,
        seconds=time.monotonic() - start,
        before=before,
    )


def rollback(name: str, device: Device, target: Target, progress: Progress, to: str | None = None) -> Rollback:
    """Make the previous release of `name` current again, or the one named `to`, after verifying its files on the device.

    Rolling back twice returns to where one was.

    Raises:
        DeviceError: EP-531 when there is no such release; EP-532 when its files are damaged.
        SignatureRefused: EP-570 to EP-576 the device has a key, and the release is not signed with it.
    """
    place = layout(device, name, target.device.root)
    if links(device, place)[0] is None:
        raise DeviceError("EP-531", f"{device.name}: nothing named {name} is deployed there", "deploy it first")
    with DeviceLock(device, place.lock, progress) as lock:
        current, previous, releases = links(device, place)
        wanted = to or (previous if previous != current else None) or next((one for one in releases if one != current), None)
        if wanted is None or wanted not in releases or current is None:
            raise DeviceError(
                "EP-531",
                f"{device.name}: {name} has no release {to}" if to else f"{device.name}: {name} has no release before {current}",
                f"releases there: {', '.join(releases) or 'none'}",
            )
        sums = run_script(device, 'cat -- "$1"', [f"{place.release(wanted)}/{SUMS}"])
        wrong = wrong_files(device, place.release(wanted), sums.stdout.decode("utf-8", "replace"))
        if sums.status != 0 or not sums.stdout or wrong:
            raise DeviceError(
                "EP-532",
                f"{device.name}: release {wanted} is damaged ({wrong[0] if wrong else SUMS}); {current} stays current",
                "deploy that version again",
            )
        admission = Admission("rollback", target.device.require_signature, None, _recorded_runner(device, place, wanted))
        switch(device, place, wanted, lock.token, admission)
    return Rollback(name=name, release=wanted, path=place.current, replaced=current)


def _signature(pack: Pack, target: Target) -> PackSignature | None:
    """The pack's signature, which holds."""
    signature = read_signature(pack.folder)
    if signature is not None:
        check_signature(pack.folder, signature)
    elif target.device.require_signature:
        raise signature_error(
            "unsigned", f"target {target.name} takes signed packs only, and the pack {pack.folder} is not signed"
        )
    return signature


def _recorded_runner(device: Device, place: Layout, identity: str) -> tuple[str, ...]:
    """The command of the runner that a release was checked with; () when the device does not tell."""
    said = run_script(device, 'cat -- "$1"', [f"{place.folder}/deployments/{identity}.json"])
    try:
        words = parse_json(said.stdout)["runner"]["argv"]
    except (ValueError, KeyError, TypeError):
        return ()
    return tuple(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else ()


def check_identity(identity: str) -> str:
    """A pack's id, which becomes a folder's name.

    Raises:
        DeviceError: EP-529 when it cannot.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", identity):
        raise DeviceError("EP-529", f"pack id {identity!r} cannot be a folder's name", "write the pack again")
    return identity
