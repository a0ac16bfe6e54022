"""TwoSamples: training rows and drawn rows, side by side, to be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_expit

HELD_OUT = 0.15
MIN_GAIN = 4.0
"""Nats that what was found must be worth on the rows held out, so that chance finds nothing."""


@dataclass(frozen=True)
class TwoSamples:
    """Rows of either kind.

    Parameters
    ----------
    x : ndarray of shape (n, F), float32
    is_real : ndarray of shape (n,), bool
    weight : ndarray of shape (n,)
        On average 1; both kinds have the same sum, whatever their numbers.
    is_held_out : ndarray of shape (n,), bool
        What is found in the other rows must help in these.
    """

    x: np.ndarray
    is_real: np.ndarray
    weight: np.ndarray
    is_held_out: np.ndarray

    @classmethod
    def of(cls, real: np.ndarray, drawn: np.ndarray, rng: np.random.Generator) -> TwoSamples:
        """Put rows (n, F) and (m, F) side by side."""
        x = np.concatenate([real, drawn]).astype(np.float32)
        is_real = np.repeat([True, False], [len(real), len(drawn)])
        weight = np.where(is_real, len(x) / (2 * len(real)), len(x) / (2 * len(drawn)))
        return cls(x, is_real, weight, rng.random(len(x)) < HELD_OUT)

    def gain(self, log_ratio: np.ndarray) -> float:
        """Return how much better than a coin an idea (n,) of log p / q tells the held-out rows apart, in nats."""
        rows, sign = self.is_held_out, np.where(self.is_real, 1.0, -1.0)
        return float(self.weight[rows] @ (np.log(2.0) + log_expit(sign * log_ratio)[rows]))
