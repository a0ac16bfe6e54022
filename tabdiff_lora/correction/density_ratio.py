r"""The density ratio of training rows and drawn rows, row by row.

A classifier that knows the odds of a row being real knows, up to a constant, how much rarer it is among drawn rows:

.. math:: \frac{p(x)}{q(x)} = \frac{P(\text{real} \mid x)}{P(\text{drawn} \mid x)}.

References
----------
Bias correction of learned generative models using likelihood-free importance weighting (Grover et al., 2019);
discriminator rejection sampling (Azadi et al., 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tabdiff_lora.correction.margins import Margins
from tabdiff_lora.correction.pairs import PairTables, boosted_pairs
from tabdiff_lora.correction.trees import SymmetricTrees, boosted_trees
from tabdiff_lora.correction.two_samples import MIN_GAIN, TwoSamples
from tabdiff_lora.structural_zeros import PENALTY, ImpossiblePairs

MIN_ROWS = 1_000
"""Training rows below which nothing is corrected: trees would learn more chance than truth."""

MAX_DRAWN = 40_000
MAX_REAL = 50_000
MAX_SPARE = 2.0  # spare rows for each row wanted
LEAST_ROWS = 512  # fewer rows get the spare ones of so many: among few there is none for the rarer kinds of row
UNMET = 0.1  # share of the excess of p over q that the spare rows need not make up for


@dataclass(frozen=True)
class DensityRatio:
    """How many times as frequent a row is among training rows as among drawn ones, estimated.

    Parameters
    ----------
    trees : SymmetricTrees
        What all columns say of the logarithm, up to a constant,
    pairs : PairTables
        and what pairs of them add to it.
    log_mean : float
        Logarithm of the mean of their ratio over drawn rows.
    replaced : float
        Share of drawn rows that are to be replaced.
    spare : float
        Rows to draw beside for each row wanted, never more than two: the higher the ratio of some rows, the more.
    margins : Margins
        Of the training rows.
    impossible : ImpossiblePairs, optional
        Values that never stand together in a training row; a row that holds two of them is replaced.
    """

    trees: SymmetricTrees
    pairs: PairTables
    log_mean: float
    replaced: float
    spare: float
    margins: Margins
    impossible: ImpossiblePairs | None = None

    @classmethod
    def fit(
        cls,
        real: np.ndarray,
        drawn: np.ndarray,
        seeds: np.random.SeedSequence,
        *,
        n_threads: int,
        is_over: Callable[[], bool] = lambda: False,
    ) -> DensityRatio | None:
        """Learn it from rows of either kind; None where nothing is to change.

        What boosting finds counts if it helps on rows set aside. That pairs of values never stand together counts in
        any case.

        Parameters
        ----------
        real, drawn : ndarray of shape (n, F) and (m, F)
            Numbers that follow the columns, and codes of levels.
        seeds : SeedSequence
        n_threads : int
        is_over : callable
            Whether there is no time left to look further.
        """
        rng, some = np.random.default_rng(seeds), real
        if len(real) > MAX_REAL:
            some = real[rng.choice(len(real), MAX_REAL, replace=False)]
        samples = TwoSamples.of(some, drawn, rng)
        trees = boosted_trees(samples, int(rng.integers(2**31)), n_threads=n_threads, is_over=is_over)
        said = trees(samples.x)
        pairs = boosted_pairs(samples, said, rng, is_over=is_over)
        said += pairs(samples.x)
        impossible = ImpossiblePairs.of(real)  # of all rows: one that holds a pair makes it possible
        is_impossible = impossible.held_by(drawn)
        is_found = samples.gain(said) >= MIN_GAIN
        if not (is_found or is_impossible.any()):
            return None
        if not is_found:
            trees, pairs, said = SymmetricTrees.none(), PairTables.none(), np.zeros_like(said)
        said = said[~samples.is_real] - PENALTY * is_impossible
        log_mean = float(logsumexp(said) - np.log(len(said)))
        ratio = np.exp(said - log_mean)
        replaced = float(np.maximum(1.0 - ratio, 0.0).mean())
        return cls(trees, pairs, log_mean, replaced, spare_rows(ratio), Margins.of(some), impossible)

    def __call__(self, x: np.ndarray, *, is_raked: bool = False, most: float = np.inf) -> np.ndarray:
        """The ratio at rows x (n, F), float64 of shape (n,); on average 1 over drawn rows.

        Parameters
        ----------
        x : ndarray of shape (n, F)
        is_raked : bool, default=False
            Whether the rows stand for a whole table, whose columns shall be those of the training rows.
        most : float, default=inf
            What the ratio is cut off at: no choice among so many rows can follow a higher one.
        """
        said = self.trees(x) + self.pairs(x) - self.log_mean
        if self.impossible is not None:
            said -= PENALTY * self.impossible.held_by(x)
        ratio = np.minimum(np.exp(said), most)
        return self.margins.rake(x, ratio, most) if is_raked else ratio

    def n_spare(self, n_rows: int) -> int:
        """Rows to draw beside ``n_rows``, from which the replacements are taken."""
        return int(np.ceil(max(n_rows, LEAST_ROWS) * self.spare))


def spare_rows(ratio: np.ndarray) -> float:
    """Spare rows for each row wanted, so that little of the ratio is above what can be followed.

    Among 1 + k rows for each one wanted a kind of row can become 1 + k times as frequent, no more. So the excess over
    that is to be a small part of all that is to change.

    Parameters
    ----------
    ratio : ndarray of shape (n,)
        At drawn rows.
    """

    def excess(k: float) -> float:
        return np.maximum(ratio - 1.0 - k, 0.0).mean()

    return float(next((k for k in np.arange(0.0, MAX_SPARE, 0.05) if excess(k) <= UNMET * excess(0.0)), MAX_SPARE))


def reserved_time(seconds: float) -> float:
    """Seconds that the correction may take of a limit of so many: an eighth, and no more than half a minute."""
    return min(seconds / 8, 30.0)


def n_drawn_rows(n_real: int) -> int:
    """Rows to draw for the comparison with ``n_real`` training rows."""
    return min(max(2 * n_real, 10_000), MAX_DRAWN)
