"""How well single columns are reproduced.

Every distance here treats a missing value as a value of its own: a generator that fills gaps, or digs new ones, pays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays, read_pair
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable

N_BINS = 10


def ks_statistic(x: np.ndarray, y: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance sup_v |F_x(v) - F_y(v)|, with missing values as an atom below every number.

    Without missing values it equals ``scipy.stats.ks_2samp(x, y).statistic``.
    """
    x, y = np.sort(np.nan_to_num(x, nan=-np.inf)), np.sort(np.nan_to_num(y, nan=-np.inf))
    grid = np.concatenate([x, y])
    f_x = np.searchsorted(x, grid, side="right") / len(x)
    f_y = np.searchsorted(y, grid, side="right") / len(y)
    return float(np.abs(f_x - f_y).max())


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """Total variation 1/2 sum_k |p_k - q_k| between two arrays of counts or weights of the same shape."""
    return float(0.5 * np.abs(p / p.sum() - q / q.sum()).sum())


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """1-Wasserstein distance of the present values, in standard deviations of ``x``; NaN if it has none.

    W_1 = integral of |F_x - F_y|; equal to ``scipy.stats.wasserstein_distance(x, y) / x.std()``.
    """
    x, y = np.sort(x[~np.isnan(x)]), np.sort(y[~np.isnan(y)])
    if len(x) == 0 or len(y) == 0 or x[0] == x[-1]:
        return float("nan")
    scale = np.abs(x).max()  # squares of very large or small numbers leave the range of a float
    x, y = x / scale, y / scale
    grid = np.sort(np.concatenate([x, y]))
    f_x = np.searchsorted(x, grid[:-1], side="right") / len(x)
    f_y = np.searchsorted(y, grid[:-1], side="right") / len(y)
    return float((np.abs(f_x - f_y) * np.diff(grid)).sum() / x.std())


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon distance in [0, 1] (square root of the divergence in bits) between two arrays of counts.

    Equal to ``scipy.spatial.distance.jensenshannon(p, q, base=2)``.
    """
    p, q = p / p.sum(), q / q.sum()
    m = (p + q) / 2

    def entropy(w: np.ndarray) -> float:
        w = w[w > 0]
        return float(-(w * np.log2(w)).sum())

    return max(entropy(m) - (entropy(p) + entropy(q)) / 2, 0.0) ** 0.5


def shared_edges(x: np.ndarray, n_bins: int = N_BINS) -> np.ndarray:
    """Inner bin edges: the distinct quantiles of the real column, used for every table that is compared with it."""
    present = x[~np.isnan(x)]
    if len(present) == 0:
        return np.empty(0)
    return np.unique(np.quantile(present, np.arange(1, n_bins) / n_bins))


def discretise(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Bin numbers 0 .. len(edges), and len(edges) + 1 for a missing value; the outer bins are unbounded."""
    codes = np.searchsorted(edges, x, side="left")
    codes[np.isnan(x)] = len(edges) + 1
    return codes


def binned(real: Arrays, other: Arrays, n_bins: int = N_BINS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes of all columns, numerical ones in bins shared by both tables: (n, p), (m, p) and the sizes (p,)."""
    edges = [shared_edges(real.num[:, j], n_bins) for j in range(real.num.shape[1])]

    def codes(table: Arrays) -> np.ndarray:
        num = [discretise(table.num[:, j], e) for j, e in enumerate(edges)]
        return np.column_stack([*num, table.cat]) if num else table.cat

    return codes(real), codes(other), np.concatenate([[len(e) + 2 for e in edges], real.sizes]).astype(np.int64)


def column_errors(real: Arrays, synthetic: Arrays) -> pd.DataFrame:
    """Distances per column: kind, shape_error, wasserstein (NaN for categories), jensen_shannon, missing shares."""
    r_codes, s_codes, sizes = binned(real, synthetic)
    r_missing, s_missing = real.missing().mean(axis=0), synthetic.missing().mean(axis=0)
    rows = []
    for j, name in enumerate(real.names):
        r_counts, s_counts = (np.bincount(codes[:, j], minlength=sizes[j]) for codes in (r_codes, s_codes))
        if real.is_numerical(name):
            x, y = real.column(name), synthetic.column(name)
            error, distance = ks_statistic(x, y), wasserstein(x, y)
        else:
            error, distance = total_variation(r_counts, s_counts), float("nan")
        rows.append(
            {
                "column": name,
                "kind": "numerical" if real.is_numerical(name) else "categorical",
                "shape_error": error,
                "wasserstein": distance,
                "jensen_shannon": jensen_shannon(r_counts, s_counts),
                "missing_real": r_missing[j],
                "missing_synthetic": s_missing[j],
            }
        )
    return pd.DataFrame(rows)


def shape_error(real: pd.DataFrame | Arrays, synthetic: pd.DataFrame | Arrays) -> float:
    """Mean over columns of the distance between real and synthetic margin.

    Kolmogorov-Smirnov for numerical columns, total variation for categorical ones (1 minus the "column shapes" of
    sdmetrics when nothing is missing). In [0, 1]; 0 is perfect, but n real rows against m others score about
    sqrt(1/n + 1/m) by chance: read it beside the ceiling.

    Parameters
    ----------
    real, synthetic : DataFrame of shape (n, p) and (m, p)

    Returns
    -------
    float

    Examples
    --------
    >>> import pandas as pd
    >>> from tabdiff_lora.evaluation import shape_error
    >>> real = pd.DataFrame({"x": [1, 2, 3, 4], "c": ["a", "a", "b", "b"]})
    >>> fake = pd.DataFrame({"x": [1, 2, 9, 9], "c": ["a", "a", "a", "b"]})
    >>> shape_error(real, fake)  # (KS 1/2 + TV 1/4) / 2
    0.375
    """
    real, synthetic = read_pair(real, synthetic)
    errors = []
    for name in real.names:
        x, y = real.column(name), synthetic.column(name)
        if real.is_numerical(name):
            errors.append(ks_statistic(x, y))
        else:
            size = len(real.labels(name))
            errors.append(total_variation(np.bincount(x, minlength=size), np.bincount(y, minlength=size)))
    return float(np.mean(errors))


def edges_between(distinct: np.ndarray) -> np.ndarray:
    """Edges for one bar per value: half-way between them, the outer bars as wide as the gap beside them."""
    if len(distinct) == 1:
        half = max(0.5, abs(distinct[0]) / 1000)
        return distinct[0] + np.array([-half, half])
    gaps = np.diff(distinct) / 2
    return np.concatenate([distinct[:1] - gaps[0], distinct[:-1] + gaps, distinct[-1:] + gaps[-1]])


def histograms(real: Arrays, synthetic: Arrays, n_bins: int = 30, n_levels: int = 20) -> pd.DataFrame:
    """Margins to draw: column, bin, left and right edge (NaN for categories), shares in the real and synthetic table.

    Numerical columns get equal bins between the 0.5 % and 99.5 % quantile of the real one, cut to three interquartile
    ranges beyond the quartiles where a tail is heavier than that, with all the rest in the outer two; categorical ones
    their most frequent levels, and the others together.
    """
    rows = []
    for name in real.names:
        x, y = real.column(name), synthetic.column(name)
        if real.is_numerical(name):
            x, y = np.sort(x[~np.isnan(x)]), y[~np.isnan(y)]
            if len(x) == 0:
                continue
            low, q1, q3, high = np.quantile(x, [0.005, 0.25, 0.75, 0.995])
            if q3 > q1:
                low, high = max(low, q1 - 3 * (q3 - q1)), min(high, q3 + 3 * (q3 - q1))
            distinct = np.unique(x)
            if len(distinct) <= n_bins:
                edges = edges_between(distinct)
            else:
                edges = np.linspace(low, high, n_bins + 1) if high > low else np.linspace(*x[[0, -1]], n_bins + 1)
            shares = [np.histogram(np.clip(v, edges[0], edges[-1]), edges)[0] / max(len(v), 1) for v in (x, y)]
            labels = [f"{left:.4g}" for left in edges[:-1]]
            rows += list(zip([name] * len(labels), labels, edges[:-1], edges[1:], *shares, strict=True))
        else:
            labels = real.labels(name)
            p, q = (np.bincount(v, minlength=len(labels)) / len(v) for v in (x, y))
            order = [k for k in np.argsort(-p, kind="stable") if p[k] + q[k] > 0]
            rows += [(name, labels[k], np.nan, np.nan, p[k], q[k]) for k in order[:n_levels]]
            if rest := order[n_levels:]:
                rows.append((name, f"({len(rest)} more)", np.nan, np.nan, p[rest].sum(), q[rest].sum()))
    return pd.DataFrame(rows, columns=["column", "bin", "left", "right", "real", "synthetic"])


@dataclass(frozen=True)
class Margins(Metric):
    """Shape error, Wasserstein and Jensen-Shannon distance, averaged over columns; details per column."""

    name: ClassVar[str] = "margins"
    group: ClassVar[str] = "Single columns"
    directions: ClassVar[dict] = {"shape_error": "lower", "wasserstein": "lower", "jensen_shannon": "lower"}
    n_bootstrap: ClassVar[int] = 20

    def measure(self, case: Case) -> Measurement:
        """Measure the margins of the candidate against the reference."""
        table = column_errors(case.reference, case.candidate)
        distances = table["wasserstein"].dropna()
        values = {
            "shape_error": float(table["shape_error"].mean()),
            "wasserstein": float(distances.mean())
            if len(distances)
            else MetricUnavailable("there is no numerical column with two distinct values"),
            "jensen_shannon": float(table["jensen_shannon"].mean()),
        }
        return Measurement(values, details={"columns": table})

    def explain(self, case: Case) -> dict[str, pd.DataFrame]:
        """Return histograms to draw."""
        return {"histograms": histograms(case.reference, case.candidate)}
