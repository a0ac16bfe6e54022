"""Budget: how far along the run is, whether it is measured in steps or in seconds.

The learning rate follows the *progress* of the budget, so a fit that must end in three minutes decays as completely as
one that may take 50,000 steps.
"""

from __future__ import annotations

import math
import re
import time

_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def parse_duration(value: float | str | None) -> float | None:
    """Seconds from a number or a text such as ``"90s"``, ``"5min"``, ``"1.5h"``; None stays None.

    Raises
    ------
    ValueError
        If the text is no duration or the duration is not positive.
    """
    if value is None:
        return None
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-z]*)\s*", str(value))
    if not match or match[2] not in _UNITS or float(match[1]) <= 0:
        raise ValueError(
            "max_time must be a positive number of seconds or a text such as '90s', '5min', '1h'. "
            f"Got {value!r} instead."
        )
    return float(match[1]) * _UNITS[match[2]]


class Budget:
    """Progress of a run limited by steps, seconds or both.

    Parameters
    ----------
    max_steps : int or None
    max_seconds : float or None
        Counted from ``started`` (default: now).
    """

    def __init__(self, max_steps: int | None, max_seconds: float | None, started: float | None = None):
        self.max_steps, self.max_seconds = max_steps, max_seconds
        self.started = time.monotonic() if started is None else started

    @property
    def seconds(self) -> float:
        """Seconds spent."""
        return time.monotonic() - self.started

    def progress(self, step: int) -> float:
        """Share of the budget used after ``step`` steps, in [0, 1]; 1 means stop."""
        by_steps = step / self.max_steps if self.max_steps else float(self.max_steps == 0)
        by_time = self.seconds / self.max_seconds if self.max_seconds else 0.0
        return min(1.0, max(by_steps, by_time))


def learning_rate_factor(progress: float, step: int, n_warmup: int = 100) -> float:
    """Linear warm-up over ``n_warmup`` steps, then half a cosine over the budget; in [0, 1]."""
    return min(1.0, (step + 1) / n_warmup) * 0.5 * (1.0 + math.cos(math.pi * progress))
