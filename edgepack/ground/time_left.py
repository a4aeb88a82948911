"""How long a running stage will still take."""

from __future__ import annotations

import time

_SETTLED = 2.0  # seconds of work after which a rate is worth telling


class TimeLeft:
    """An estimate from the rate of work since the first report.

    What came before that, such as the tracing of a network's graph, is done once and says nothing of the rest. Another total,
    or less done than before, is another piece of work.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._total = 0.0

    def words(self, done: float, total: float) -> str:
        """ "1 min 20 s left" after `done` of `total` units; "" while nothing can be said."""
        now = time.monotonic()
        if self._first is None or done < self._first[1] or total != self._total:
            self._first, self._total = (now, done), total
        start, already = self._first
        if now - start < _SETTLED or done <= already or done >= total:
            return ""
        return f"{_duration((now - start) / (done - already) * (total - done))} left"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
