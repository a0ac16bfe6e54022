r"""The rank of the adapters, read off the data (eq. 8 of the paper).

.. math:: r = \min\Big\{ r : \frac{\sum_{i \le r} \sigma_i}{\sum_i \sigma_i} \ge \alpha \Big\}

with :math:`\sigma_1 \ge \sigma_2 \ge \dots` the singular values of the standardised, encoded design matrix (n, p): how
many directions the table has. How many the *update* of a weight needs is another question, so this is a heuristic; the
result is capped by the width of the adapted layers, and any other rank can be given.

NOTE[DIFF]: the paper writes tr(S) for the sum of the singular values and names neither centring, scaling nor a coding
of categories. Here numbers are z-scored and one-hot columns are centred and divided by the root of their frequency, so
every column of the table has a comparable share. ``kind="variance"`` uses :math:`\sigma_i^2`, the share of explained
variance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from sklearn.utils.extmath import randomized_svd

from tabdiff_lora.table.encoded import EncodedTable

EXACT_UP_TO = 1_000  # smaller side of a matrix whose singular values are all computed
N_COMPONENTS = 256  # of the randomised decomposition of a larger one


@dataclass(frozen=True)
class Spectrum:
    """Singular values of a matrix and the rank that eq. 8 reads off them.

    Parameters
    ----------
    singular_values : ndarray of shape (m,)
        In descending order.
    energy : float in [0, 1]
        The share alpha.
    kind : {"singular", "variance"}
    max_rank : int, optional
    """

    singular_values: np.ndarray = field(repr=False)
    energy: float = 0.95
    kind: str = "singular"
    max_rank: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.energy <= 1:
            raise ValueError(f"rank_energy of eq. 8 must be in [0, 1]. Got {self.energy!r} instead.")
        if self.kind not in ("singular", "variance"):
            raise ValueError(f"kind of a spectrum must be 'singular' or 'variance'. Got {self.kind!r} instead.")

    @property
    def cumulative(self) -> np.ndarray:
        """Share of the first 1 .. m values in their sum, shape (m,); ones where the matrix is zero."""
        values = self.singular_values if self.kind == "singular" else self.singular_values**2
        total = values.sum()
        return np.cumsum(values) / total if total > 0 else np.ones(len(values))

    @property
    def rank(self) -> int:
        """The smallest r that reaches the energy; at least 1, at most ``max_rank``."""
        reached = int(np.searchsorted(self.cumulative, self.energy - 1e-9)) + 1
        n_nonzero = int((self.singular_values > 0).sum())
        rank = max(1, min(reached, n_nonzero))
        return rank if self.max_rank is None else min(rank, self.max_rank)

    def plot(self, ax=None):
        """Scree picture: the values, their cumulated share and the rank; returns the matplotlib Axes."""
        from matplotlib.figure import Figure

        ax = ax if ax is not None else Figure(figsize=(5, 3), layout="constrained").subplots()
        order = np.arange(1, len(self.singular_values) + 1)
        ax.bar(order, self.singular_values / max(self.singular_values.max(initial=0), 1e-300), color="0.8")
        ax.plot(order, self.cumulative, marker=".")
        ax.axhline(self.energy, linestyle=":", color="0.5")
        ax.axvline(self.rank, linestyle=":", color="0.5")
        ax.set(xlabel="singular value", ylabel="share", title=f"rank {self.rank} at energy {self.energy}")
        return ax


def effective_rank(matrix, energy: float = 0.95, kind: str = "singular", max_rank: int | None = None) -> int:
    """Rank of a matrix by eq. 8.

    Parameters
    ----------
    matrix : array of shape (n, d)
        Centre and scale it first: eq. 8 is not invariant to units.
    energy : float in [0, 1], default=0.95
        The paper's alpha. 0 gives 1; 1 gives the numerical rank.
    kind : {"singular", "variance"}, default="singular"
        Share of the sum of the singular values (the paper) or of their squares.
    max_rank : int, optional
        Cap of the result.

    Returns
    -------
    int
        At least 1, also for a matrix of zeros.

    Examples
    --------
    >>> import numpy as np
    >>> [effective_rank(np.diag([6.0, 3.0, 1.0]), energy) for energy in (0.6, 0.9, 0.91)]
    [1, 2, 3]
    """
    return Spectrum(singular_values(matrix), energy, kind, max_rank).rank


def singular_values(matrix, *, seed: int = 0) -> np.ndarray:
    """Singular values in descending order, those below the rounding error set to zero.

    Above ``EXACT_UP_TO`` the first 256 come from a randomised decomposition, and the rest is taken to be flat with the
    norm that is left over: the largest sum it can have, so that the rank errs upwards.

    References
    ----------
    Finding Structure with Randomness (Halko et al., 2011), algorithm 4.4.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    smaller = min(matrix.shape)
    if smaller == 0:
        return np.zeros(0)
    if smaller <= EXACT_UP_TO:
        values = np.linalg.svd(matrix, compute_uv=False)
    else:
        _, top, _ = randomized_svd(matrix, N_COMPONENTS, random_state=seed)
        left_over = max(0.0, np.square(matrix).sum() - np.square(top).sum())
        n_rest = smaller - N_COMPONENTS
        values = np.concatenate([top, np.full(n_rest, min(top[-1], np.sqrt(left_over / n_rest)))])
    negligible = values[0] * max(matrix.shape) * np.finfo(np.float64).eps
    return np.where(values > negligible, values, 0.0)


def design_matrix(table: EncodedTable, *, max_rows: int = 5_000, seed: int = 0) -> np.ndarray:
    """The standardised encoded rows.

    Parameters
    ----------
    table : EncodedTable
    max_rows : int, default=5000
        A larger table is represented by as many random rows.
    seed : int, default=0

    Returns
    -------
    ndarray of shape (n, D + sum of K_c), float64
        z-scored draws of the numerical dimensions, and one-hot columns centred and divided by the root of their
        frequency; a column that does not vary is zero.
    """
    rng = np.random.default_rng(seed)
    if len(table) > max_rows:
        table = table.take(np.sort(rng.choice(len(table), max_rows, replace=False)))
    n = len(table)
    num = table.draw(rng).astype(np.float64)
    one_hot = np.zeros((n, table.layout.n_logits))
    offsets = np.cumsum([0, *table.layout.cardinalities])[:-1].astype(np.int64)
    one_hot[np.arange(n)[:, None], table.cat + offsets] = 1.0
    if n == 0:
        return np.hstack([num, one_hot])
    num -= num.mean(0)
    num /= np.maximum(num.std(0), 1e-12)
    frequency = one_hot.mean(0)
    return np.hstack([num, (one_hot - frequency) / np.sqrt(np.maximum(frequency, 1.0 / n))])
