"""Back to the release before, on a device."""

from __future__ import annotations

import os

from edgepack.deploy import Rollback, rollback
from edgepack.devices import open_device
from edgepack.pipeline.request import Request, prepare
from edgepack.progress import Progress
from edgepack.project import device_address


def run_rollback(request: Request, progress: Progress) -> Rollback:
    """Make the release before the current one current again on the target's device.

    Raises:
        DeviceError: EP-531 when there is none, EP-532 when it is damaged; what reaching the device says.
    """
    plan = prepare(request)
    with open_device(plan.target, device_address(plan.target, request.device, os.environ)) as device:
        return rollback(plan.project.name, device, plan.target, progress)
