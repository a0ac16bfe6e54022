"""Grid: the equally spaced values a column lives on (integers, decimals, multiples of 500, whole days)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_DECIMALS = 10


@dataclass(frozen=True)
class Grid:
    """The values ``(offset + step k) / scale`` for k = 0 .. n_steps.

    Encoders compute with the count k, a float64. Counts of values on the grid are whole numbers, so rounding k gives
    the value back exactly as long as k < 2^53.

    Parameters
    ----------
    offset, step, n_steps : int
    scale : int
        A power of ten, 1 for integers.
    dtype : str
        The numpy dtype of the values.
    """

    offset: int
    step: int
    n_steps: int
    scale: int
    dtype: str

    @classmethod
    def fit(cls, values: np.ndarray) -> Grid | None:
        """Find the coarsest grid that holds all values (n,), or None for floats with more than 10 decimals."""
        if values.dtype.kind in "iu":
            offset = int(values.min())
            steps = values.astype(np.uint64) - np.uint64(offset % 2**64)  # wraps, so that any 64-bit span fits
            step = max(int(np.gcd.reduce(steps)), 1)
            return cls(offset, step, int(steps.max()) // step, 1, values.dtype.str)
        x = values.astype(np.float64)
        for decimals in range(MAX_DECIMALS + 1):
            scale = 10**decimals
            if np.abs(x).max() * scale >= 2**53:
                return None
            if not (_on_decimals(values[:100], scale) and _on_decimals(values, scale)):
                continue
            scaled = cls.fit(np.rint(x * scale).astype(np.int64))
            return cls(scaled.offset, scaled.step, scaled.n_steps, scale, values.dtype.str)
        return None

    def to_count(self, values: np.ndarray) -> np.ndarray:
        """Return k of each value, float64; a fraction for a value between two grid points."""
        if values.dtype.kind in "iu" and self.scale == 1:
            steps = (values.astype(np.uint64) - np.uint64(self.offset % 2**64)).astype(np.float64)
            return np.where(values < self.offset, -1.0, steps / self.step)
        count = (values.astype(np.float64) * self.scale - self.offset) / self.step
        whole = np.rint(count)
        return np.where(self._float(whole) == values, whole, count)

    def from_count(self, count: np.ndarray) -> np.ndarray:
        """Return the grid value nearest to each count, in the original numpy dtype."""
        whole = np.rint(np.maximum(count, 0.0))
        if self.scale != 1 or np.dtype(self.dtype).kind == "f":
            return self._float(whole)
        top = whole >= float(self.n_steps)
        steps = np.where(top, 0.0, whole).astype(np.uint64)
        steps[top] = self.n_steps
        return (steps * np.uint64(self.step) + np.uint64(self.offset % 2**64)).astype(self.dtype)

    def _float(self, whole: np.ndarray) -> np.ndarray:
        return ((whole * self.step + self.offset) / self.scale).astype(self.dtype)


def _on_decimals(values: np.ndarray, scale: int) -> bool:
    """Whether every value is the nearest float of its own dtype to a multiple of 1 / scale."""
    return bool(((np.rint(values.astype(np.float64) * scale) / scale).astype(values.dtype) == values).all())
