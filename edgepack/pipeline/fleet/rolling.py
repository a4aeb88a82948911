"""Work on many devices: in parallel, in waves, stopped by a failure or by the user."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from edgepack.project.inventory.inventory import Host
from edgepack.workers.process import INTERRUPTED

T = TypeVar("T")


@dataclass(frozen=True)
class Stopped:
    """A device on which work was interrupted; what it was doing ended as a lost connection would have ended it."""


class Crew(Generic[T]):
    """Runs `work` on hosts, at most `workers` at a time.

    Args:
        work: Called in a thread with a host; it must not raise for what is only that device's trouble.
        workers: Devices at a time.

    `results` holds what was returned, by host name, also after an interruption.
    """

    def __init__(self, work: Callable[[Host], T], workers: int) -> None:
        self.results: dict[str, T | Stopped] = {}
        self._work = work
        self._workers = workers

    def run(self, hosts: Sequence[Host], bad: Callable[[T], bool]) -> bool:
        """Work on `hosts` until all are done, or one result is `bad`: then no further device is begun. Whether none was bad.

        Raises:
            KeyboardInterrupt: the user stopped; every device's work was interrupted and has ended.
        """
        events = {host.name: threading.Event() for host in hosts}
        fine = True
        with ThreadPoolExecutor(max_workers=max(1, min(self._workers, len(hosts))), thread_name_prefix="device") as pool:
            futures = {pool.submit(self._one, host, events[host.name]): host for host in hosts}
            waiting = set(futures)
            try:
                while waiting:
                    done, waiting = wait(waiting, timeout=1.0, return_when=FIRST_COMPLETED)
                    for future in done:
                        if not future.cancelled():
                            result = future.result()
                            self.results[futures[future].name] = result
                            fine = fine and not bad(result)
                    if not fine:
                        for future in waiting:
                            future.cancel()
            except BaseException:
                self._interrupt(futures, events)
                raise
        return fine

    def _one(self, host: Host, event: threading.Event) -> T:
        token = INTERRUPTED.set(event)
        try:
            return self._work(host)
        finally:
            INTERRUPTED.reset(token)

    def _interrupt(self, futures: dict[Future[T], Host], events: dict[str, threading.Event]) -> None:
        """Begin no further device, end the running ones' programs, and wait until each has given its lock back."""
        for future in futures:
            future.cancel()
        for event in events.values():
            event.set()
        for future, host in futures.items():
            if future.cancelled() or host.name in self.results:
                continue
            try:
                self.results[host.name] = future.result()
            except BaseException:
                self.results[host.name] = Stopped()


def waves(hosts: Sequence[Host], canary: int, batch: int) -> list[tuple[Host, ...]]:
    """The first `canary` hosts, then the others in groups of `batch` (0: all of them together)."""
    first, rest = tuple(hosts[:canary]), tuple(hosts[canary:])
    size = batch or len(rest) or 1
    return [wave for wave in (first, *(rest[start : start + size] for start in range(0, len(rest), size))) if wave]
