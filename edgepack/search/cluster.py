"""Trials on a Ray cluster: each worker is an actor that holds the project, whose files are sent there once.

Of Ray its own client, object store and actors are used, nothing else: a lost worker is an actor that Ray starts again.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from edgepack import __version__
from edgepack.ground.errors import DeviceError, EdgepackError, ToolError
from edgepack.ground.user_cache import user_cache
from edgepack.pipeline.request import Plan
from edgepack.search.parcel import Parcel, pack_project, unpack
from edgepack.search.study import Claim
from edgepack.search.trial import Bench, TrialError, TrialResult, TrialTask, run_trial
from edgepack.workers.confinement.memory import bounded_memory

_POLL = 0.5
"""Seconds to wait for a trial's end before the display is brought up to date."""
_LOSSES = 2
"""Workers that a trial may cost before it is given up."""
_LEAST = 2 << 30
"""Bytes of memory that a worker needs for TensorFlow and a small training."""
_READY = 120.0
"""Seconds in which the first worker has to have started."""


class ClusterWorker:
    """What runs on a machine of the cluster: a project, unpacked once, and one trial after the other.

    `memory` is how many bytes it may take beyond what it has at its beginning.
    """

    def __init__(self, parcel: Parcel, memory: int) -> None:
        self._request = unpack(parcel, user_cache() / "search")
        self._memory = memory

    def version(self) -> str:
        """The version of edgepack that is installed there."""
        return __version__

    def run(self, task: TrialTask) -> TrialResult:
        """Run a trial here; an error that is this machine's is raised."""
        with bounded_memory(self._memory):
            result = run_trial(replace(task, request=self._request))
        return replace(result, model="")  # a file on this machine


class OnCluster:
    """The workers of a cluster as a crew (see `crew.Crew`)."""

    def __init__(self, ray: Any, workers: list[Any], tell: Callable[[str], None]) -> None:
        self._ray, self._idle, self._tell = ray, list(workers), tell
        self._running: dict[Any, tuple[Claim, Any]] = {}
        self._losses: Counter[int] = Counter()

    @property
    def free(self) -> int:
        """Workers without a trial."""
        return len(self._idle)

    @property
    def busy(self) -> tuple[Claim, ...]:
        """What the workers work on."""
        return tuple(claim for claim, _ in self._running.values())

    def start(self, claim: Claim, task: TrialTask) -> None:
        """Hand it to a worker."""
        worker = self._idle.pop()
        self._running[worker.run.remote(task)] = (claim, worker)

    def ended(self) -> list[tuple[Claim, TrialResult]]:
        """Those that have ended. A trial whose worker was lost is unfinished, and one that has lost several has failed.

        Raises:
            EdgepackError: what a trial says of a worker's machine; EP-558 when the cluster is gone.
        """
        self._tell(f"trials {', '.join(str(claim.number) for claim in self.busy)} run on the cluster")
        try:
            done, _ = self._ray.wait(list(self._running), timeout=_POLL)
        except ConnectionError as error:
            raise _gone(error) from error
        return [self._take(reference) for reference in done]

    def _take(self, reference: Any) -> tuple[Claim, TrialResult]:
        claim, worker = self._running.pop(reference)
        self._idle.append(worker)  # a lost one is started again by Ray
        errors = self._ray.exceptions
        try:
            return claim, self._ray.get(reference)
        except errors.RayTaskError as error:
            raise error.cause if isinstance(error.cause, EdgepackError) else _gone(error.cause) from error
        except (errors.RayActorError, errors.WorkerCrashedError, errors.OutOfMemoryError) as error:
            self._losses[claim.number] += 1
            if self._losses[claim.number] < _LOSSES:
                return claim, TrialResult(unfinished=True)
            what = f"{_LOSSES} workers died of it, the last: {_first_line(error)}"
            return claim, TrialResult(error=TrialError("EP-559", what))
        except ConnectionError as error:
            raise _gone(error) from error


@contextmanager
def cluster_crew(address: str, workers: int | None, bench: Bench, tell: Callable[[str], None]) -> Iterator[OnCluster]:
    """As many workers as asked for, by default as the cluster has cores and memory for, each bound to its share of the latter.

    Raises:
        ToolError: EP-694 when ray is not installed.
        ProjectError: EP-186 for a project whose files cannot be sent.
        DeviceError: EP-558 when the cluster cannot be reached, or its machines lack edgepack or memory.
    """
    parcel = pack_project(bench.plan)
    tell(f"connecting to {address}")
    with _connected(address) as ray:
        number, share = _shares(ray, workers)
        tell(f"sending {len(parcel.content) / 2**20:.1f} MiB to {number} workers")
        sent = ray.put(parcel)
        actor = ray.remote(num_cpus=1, memory=share, max_restarts=-1, max_task_retries=0)(ClusterWorker)
        crew = [actor.remote(sent, share) for _ in range(number)]
        _check_version(ray, crew[0])
        yield OnCluster(ray, crew, tell)


def check_cluster(address: str, workers: int | None, plan: Plan) -> None:
    """Refuse at once what `cluster_crew` would refuse of a plan later.

    Raises:
        ToolError, ProjectError, DeviceError: as there.
    """
    pack_project(plan)
    with _connected(address) as ray:
        _shares(ray, workers)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """The module ray, connected to a cluster while the block runs."""
    ray = _import_ray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the error below says
        try:
            ray.init(address=address, log_to_driver=False, logging_level="error")
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise _gone(error) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _shares(ray: Any, asked: int | None) -> tuple[int, int]:
    """How many workers, and the bytes of memory for each."""
    found = ray.cluster_resources()
    cores, memory = int(found.get("CPU", 0)), int(found.get("memory", 0))
    number = asked or min(cores, memory // _LEAST)
    if number < 1 or number > cores:
        raise DeviceError(
            "EP-558",
            f"the Ray cluster has {cores} cores and {memory / 2**30:.1f} GiB of memory for "
            f"{number or 1} workers, which take a core and {_LEAST >> 30} GiB each",
            "add machines to it, or give fewer --workers",
        )
    return number, memory // number


def _check_version(ray: Any, worker: Any) -> None:
    """Refuse a cluster on whose machines another edgepack is installed, or none."""
    try:
        there = ray.get(worker.version.remote(), timeout=_READY)
    except (ray.exceptions.RayError, ConnectionError, TimeoutError) as error:
        raise _gone(error) from error
    if there != __version__:
        raise DeviceError(
            "EP-558",
            f"the Ray cluster's machines have edgepack {there}, this one {__version__}",
            "install the same version on all of them",
        )


def _import_ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ToolError("EP-694", "--cluster needs ray", 'pip install "edgepack[search]"') from error
    return ray


def _gone(error: BaseException) -> DeviceError:
    return DeviceError(
        "EP-558",
        f"the Ray cluster cannot be used: {_first_line(error)}",
        "see that it runs (`ray status`), that the address is ray://HOST:10001, and that edgepack is installed on its machines",
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
