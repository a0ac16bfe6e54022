"""Budget: how far along the run is, whether it is measured in steps or in seconds.

The learning rate follows the *progress* of the budget, so a fit that must end in three minutes decays as completely as
one that may take 50,000 steps.
"""

from __future__ import annotations

import copy
import math
import re
import time

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class TimeLimit:
    """Seconds that may pass from now on, by the clock on the wall or by the work of this process.

    Parameters
    ----------
    max_time : float or str
        Seconds, or a text such as ``"90s"``, ``"5min"``, ``"1.5h"``. With ``cpu-`` before the unit, as in
        ``"90cpu-s"``, the processor time of all threads of this process counts instead: on a shared machine the same
        limit then buys the same work.

    Raises
    ------
    ValueError
        If the text is no duration or the duration is not positive.
    """

    def __init__(self, max_time: float | str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(cpu-)?([a-z]*)\s*", str(max_time))
        if not match or match[3] not in _UNITS or float(match[1]) <= 0 or (match[2] and not match[3]):
            raise ValueError(
                "max_time must be a positive number of seconds or a text such as '90s', '5min', '1h', '90cpu-s'. "
                f"Got {max_time!r} instead."
            )
        self.seconds = float(match[1]) * _UNITS[match[3]]
        self.counts_work = match[2] is not None
        self._clock = time.process_time if self.counts_work else time.monotonic
        self._started = self._clock()

    @classmethod
    def endless(cls) -> TimeLimit:
        """A limit that is never over."""
        limit = cls(1.0)
        limit.seconds = math.inf
        return limit

    def leaving(self, seconds: float) -> TimeLimit:
        """The limit that began when this one did and ends when so many seconds of it are left."""
        limit = copy.copy(self)
        limit.seconds = self.seconds - seconds
        return limit

    def is_over(self) -> bool:
        """Whether all seconds have passed."""
        return self.spent() >= self.seconds

    def plain(self) -> float | str:
        """The same limit in its shortest form: seconds, or ``"90cpu-s"``."""
        return f"{self.seconds:g}cpu-s" if self.counts_work else self.seconds

    def spent(self) -> float:
        """Seconds since this limit was made."""
        return self._clock() - self._started


class Budget:
    """Progress of a run limited by steps, time or both.

    Parameters
    ----------
    max_steps : int or None
    time_limit : TimeLimit or None
    """

    def __init__(self, max_steps: int | None, time_limit: TimeLimit | None):
        self.max_steps, self.time_limit = max_steps, time_limit

    def progress(self, step: int) -> float:
        """Share of the budget used after ``step`` steps, in [0, 1]; 1 means stop."""
        by_steps = step / self.max_steps if self.max_steps else float(self.max_steps == 0)
        by_time = self.time_limit.spent() / self.time_limit.seconds if self.time_limit else 0.0
        return min(1.0, max(by_steps, by_time))


def learning_rate_factor(progress: float, step: int, n_warmup: int = 100) -> float:
    """Linear warm-up over ``n_warmup`` steps or a twentieth of the budget, then half a cosine over it; in [0, 1]."""
    warmth = max((step + 1) / n_warmup, progress / 0.05)
    return min(1.0, warmth) * 0.5 * (1.0 + math.cos(math.pi * progress))
