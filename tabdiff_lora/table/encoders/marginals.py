"""Marginals: monotone maps between a column's numbers and normal scores.

A marginal is fitted on distinct values and their counts, gives the interval of normal scores of each value and maps a
normal score back. ``NumericalEncoder`` chooses one by name; a scikit-learn transformer with a true inverse is one too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.base import clone

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.table.encoders.smoothing import SmoothLaw

ROUNDING = 1e-12  # scores this close to a seen value's, in probability, are that value
EMPIRICAL = 0.01  # share of the empirical law in a smooth one: keeps the scores of distinct values apart
TAIL = 0.05  # share of the sample whose spread an extrapolated tail continues


@dataclass(frozen=True)
class QuantileMarginal:
    """The randomised quantile (distributional) transform: every column becomes standard normal.

    A value seen once, of rank r in n, is the point ``ndtri((r - 1/2) / n)``; a tied value owns the interval
    ``[ndtri(F(x-)), ndtri(F(x))]``. The inverse is piecewise linear in u = ndtr(z) with a flat step over each interval,
    so seen values come back exactly and what lies between them is interpolated. F is the empirical law, or the smooth
    one of ``SmoothLaw``, with which seen values come back as exactly but are not drawn more often for having been seen.

    Parameters
    ----------
    support : ndarray of shape (k,), increasing
    u_low, u_high : ndarray of shape (k,)
        Interval of each value in probability.
    extrapolate : bool
        Continue untied tails beyond the seen range, linearly in z.

    References
    ----------
    L. Rueschendorf, On the distributional transform, Sklar's theorem, and the empirical copula process (2009), eq. 1.
    """

    support: np.ndarray
    u_low: np.ndarray
    u_high: np.ndarray
    extrapolate: bool = False

    @classmethod
    def fit(
        cls, values: np.ndarray, counts: np.ndarray, *, max_knots: int, extrapolate: bool, smooth: bool, gridded: bool
    ) -> QuantileMarginal:
        """Keep at most about ``max_knots`` values, evenly spaced in probability: the heavier ones are always kept."""
        top = np.cumsum(counts) / counts.sum()
        bottom = np.concatenate([[0.0], top[:-1]])
        middle = (bottom + top) / 2
        tied = counts > 1
        u_low, u_high = np.where(tied, bottom, middle), np.where(tied, top, middle)
        if smooth and len(values) > 2:
            law = SmoothLaw.fit(values, counts, gridded=gridded)
            u_low, u_high = (EMPIRICAL * u + (1 - EMPIRICAL) * v for u, v in zip((u_low, u_high), law.intervals()))
        if len(values) > max_knots:
            chosen = np.searchsorted(top, np.linspace(0, 1, max_knots))
            kept = np.unique(np.concatenate([[0], np.minimum(chosen, len(values) - 1), [len(values) - 1]]))
            values, u_low, u_high = values[kept], u_low[kept], u_high[kept]
        return cls(values, u_low, u_high, extrapolate)

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return low and high (n,); a value between two seen ones is a point, one outside the range is the edge."""
        x = np.clip(x, self.support[0], self.support[-1])
        index = np.searchsorted(self.support, x)
        low, high = ndtri(self.u_low)[index], ndtri(self.u_high)[index]
        between = self.support[index] != x
        if between.any():
            xs, us = self._knots()
            low[between] = high[between] = ndtri(np.interp(x[between], xs, us))
        return low, high

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return the value at each normal score (n,), inside the seen range unless ``extrapolate``."""
        xs, us = self._knots()
        u = ndtr(z)
        nearest = np.minimum(np.searchsorted(us, u - ROUNDING), len(us) - 1)
        x = np.where(np.abs(us[nearest] - u) <= ROUNDING, xs[nearest], np.interp(u, us, xs))
        return self._with_tails(x, z) if self.extrapolate else x

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        """The graph of the quantile function: one point per distinct value, two per tied one."""
        kept = np.stack([np.ones(len(self.support), bool), self.u_high > self.u_low], axis=1).ravel()
        us = np.stack([self.u_low, self.u_high], axis=1).ravel()[kept]
        return np.repeat(self.support, 2)[kept], us

    def _with_tails(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        xs, us = self._knots()
        for edge, inner in ((0, TAIL), (-1, 1 - TAIL)):
            z_edge, z_inner = ndtri(us[edge]), ndtri(inner)
            beyond = z < z_edge if edge == 0 else z > z_edge
            if np.isfinite(z_edge) and abs(z_edge) > abs(z_inner):
                slope = (xs[edge] - np.interp(inner, us, xs)) / (z_edge - z_inner)
                x = np.where(beyond, xs[edge] + slope * (z - z_edge), x)
        return x


@dataclass(frozen=True)
class AffineMarginal:
    """``z = (x - location) / scale``: points, whatever their distribution. Decoding leaves the seen range."""

    location: float
    scale: float
    lowest: float
    highest: float

    @classmethod
    def standard(cls, values: np.ndarray, counts: np.ndarray, *, extrapolate: bool, **_) -> AffineMarginal:
        """Mean and standard deviation."""
        mean = np.average(values, weights=counts)
        spread = np.sqrt(np.average((values - mean) ** 2, weights=counts))
        return cls._between(mean, spread, values, extrapolate)

    @classmethod
    def robust(cls, values: np.ndarray, counts: np.ndarray, *, extrapolate: bool, **_) -> AffineMarginal:
        """Median and interquartile range, scaled to the standard deviation of a normal."""
        mass = (np.cumsum(counts) - counts / 2) / counts.sum()
        first, median, third = np.interp([0.25, 0.5, 0.75], mass, values)
        return cls._between(median, (third - first) / (ndtri(0.75) - ndtri(0.25)), values, extrapolate)

    @classmethod
    def _between(cls, location, spread, values, extrapolate) -> AffineMarginal:
        limits = (-np.inf, np.inf) if extrapolate else (values[0], values[-1])
        return cls(float(location), float(spread) or 1.0, *map(float, limits))

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the score of each value, as low and as high."""
        z = (x - self.location) / self.scale
        return z, z

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return the value of each score, clipped to the seen range unless ``extrapolate``."""
        return np.clip(z * self.scale + self.location, self.lowest, self.highest)


@dataclass(frozen=True)
class TransformerMarginal:
    """Any scikit-learn transformer of one feature whose inverse gives the training values back, e.g. PowerTransformer.

    NOTE: the inverse is clipped to the seen range unless ``extrapolate``.
    """

    transformer: object
    lowest: float
    highest: float

    @classmethod
    def fit(cls, transformer, values: np.ndarray, counts: np.ndarray, *, extrapolate: bool, **_) -> TransformerMarginal:
        """Fit a clone; raises EncodingError if its inverse does not return the training values."""
        fitted = clone(transformer).fit(np.repeat(values, counts)[:, None])
        limits = (-np.inf, np.inf) if extrapolate else (values[0], values[-1])
        marginal = cls(fitted, *map(float, limits))
        if not hasattr(fitted, "inverse_transform") or not np.allclose(
            marginal.decode(marginal.encode(values)[0]), values
        ):
            raise EncodingError(
                f"strategy of NumericalEncoder must be a transformer with a true inverse of one feature. "
                f"Got {transformer} instead. Use strategy='quantile'."
            )
        return marginal

    def encode(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the transformed value, as low and as high."""
        z = _column_of(self.transformer.transform, x)
        return z, z

    def decode(self, z: np.ndarray) -> np.ndarray:
        """Return the inverse of each score."""
        return np.clip(_column_of(self.transformer.inverse_transform, z), self.lowest, self.highest)


def _column_of(method: Callable, x: np.ndarray) -> np.ndarray:
    """What a method of a transformer makes of one feature (n,); scikit-learn refuses to be given no row."""
    x = np.asarray(x, dtype=float)
    return np.asarray(method(x[:, None]), dtype=float)[:, 0] if len(x) else x
