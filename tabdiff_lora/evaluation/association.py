"""How well dependence between columns is reproduced: correlation divergence and trend."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays, TableReader, read_pair
from tabdiff_lora.evaluation.marginals import binned, total_variation
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable

Association = Literal["pearson", "spearman", "mixed"]
ASSOCIATIONS: tuple[Association, ...] = ("pearson", "spearman", "mixed")


def unit_scale(x: np.ndarray) -> np.ndarray:
    """Divide each column by its largest absolute value, so that no square of it overflows or vanishes."""
    largest = np.nanmax(np.abs(x), axis=0, initial=0.0)
    return x / np.where(largest > 0, largest, 1.0)


def contingency(a: np.ndarray, b: np.ndarray, n_a: int, n_b: int) -> np.ndarray:
    """Counts of the pairs of codes, of shape (n_a, n_b)."""
    return np.bincount(a * n_b + b, minlength=n_a * n_b).reshape(n_a, n_b)


def cramers_v(table: np.ndarray) -> float:
    """Bias-corrected Cramer's V of a table of counts, in [0, 1]; 0 if a side has one level.

    phi2 = max(0, chi2/n - (r-1)(c-1)/(n-1)), V = sqrt(phi2 / (min(r', c') - 1)) with r' = r - (r-1)^2/(n-1).

    References
    ----------
    A bias-correction for Cramer's V and Tschuprow's T (Bergsma, 2013).
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(float)
    n, (r, c) = table.sum(), table.shape
    if min(r, c) < 2 or n < 2:
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = ((table - expected) ** 2 / expected).sum() / n
    phi2 = max(0.0, phi2 - (r - 1) * (c - 1) / (n - 1))
    width = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(min(np.sqrt(phi2 / width), 1.0)) if width > 0 else 0.0


def correlation_ratio(codes: np.ndarray, x: np.ndarray) -> float:
    """Correlation ratio eta = sqrt(SS_between / SS_total) of a numerical column given a categorical one, in [0, 1].

    Rows where x is missing are left out; a constant x has eta 0.
    """
    present = ~np.isnan(x)
    codes, x = codes[present], x[present]
    if len(x) < 2:
        return 0.0
    x = unit_scale(x)
    x = x - x.mean()
    total = float(x @ x)
    if total <= 0.0:
        return 0.0
    counts, sums = np.bincount(codes), np.bincount(codes, weights=x)
    seen = counts > 0
    return float(np.sqrt(min((sums[seen] ** 2 / counts[seen]).sum() / total, 1.0)))


def association_matrix(table: pd.DataFrame | Arrays, method: Association = "mixed") -> pd.DataFrame:
    """Association between every two columns.

    Parameters
    ----------
    table : DataFrame
    method : {"pearson", "spearman", "mixed"}
        The first two cover numerical columns only (pairwise complete rows). "mixed" covers all: Pearson's r for two
        numerical columns, the correlation ratio for one of each kind, bias-corrected Cramer's V for two categorical
        ones.

    Returns
    -------
    DataFrame of shape (p, p)
        Symmetric with unit diagonal. An undefined entry (constant column) is 0.
    """
    if not isinstance(table, Arrays):
        table = TableReader(table).read(table, "table")
    names = table.num_names if method != "mixed" else table.names
    matrix = np.eye(len(names))
    n_num = table.num.shape[1]
    numbers = pd.DataFrame(unit_scale(table.num)).corr("spearman" if method == "spearman" else "pearson").fillna(0.0)
    matrix[:n_num, :n_num] = numbers.to_numpy()
    if method == "mixed":
        sizes = table.sizes
        for j in range(len(table.cat_names)):
            codes = table.cat[:, j]
            ratios = [correlation_ratio(codes, table.num[:, i]) for i in range(n_num)]
            matrix[n_num + j, :n_num] = matrix[:n_num, n_num + j] = ratios
            for k in range(j):
                v = cramers_v(contingency(codes, table.cat[:, k], sizes[j], sizes[k]))
                matrix[n_num + j, n_num + k] = matrix[n_num + k, n_num + j] = v
    np.fill_diagonal(matrix, 1.0)
    return pd.DataFrame(matrix, index=names, columns=names)


def association_pairs(real: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """Two association matrices pair by pair: first, second, real, synthetic, difference; the largest first."""
    i, j = np.triu_indices(len(real), k=1)
    names, r, s = np.asarray(real.index), real.to_numpy()[i, j], synthetic.to_numpy()[i, j]
    table = pd.DataFrame({"first": names[i], "second": names[j], "real": r, "synthetic": s, "difference": s - r})
    return table.sort_values("difference", key=np.abs, ascending=False, kind="stable", ignore_index=True)


def matrix_divergence(real: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
    """Mean absolute off-diagonal difference, and Frobenius norm of the difference, of two association matrices."""
    delta = (other - real).to_numpy()
    upper = np.triu_indices(len(delta), k=1)
    return float(np.abs(delta[upper]).mean()), float(np.linalg.norm(delta))


def correlation_divergence(
    real: pd.DataFrame | Arrays,
    synthetic: pd.DataFrame | Arrays,
    *,
    method: Association = "pearson",
    norm: Literal["mean", "frobenius"] = "mean",
) -> float:
    """Distance between the association matrices of two tables, the paper's main metric.

    Parameters
    ----------
    real, synthetic : DataFrame of shape (n, p) and (m, p)
    method : {"pearson", "spearman", "mixed"}, default="pearson"
        See `association_matrix`.
    norm : {"mean", "frobenius"}, default="mean"
        Mean absolute difference over pairs i < j, or the root of the sum of squares over all i, j, which grows with p.

    Raises
    ------
    MetricUnavailable
        If fewer than two columns take part.
    """
    real, synthetic = read_pair(real, synthetic)
    _need_two(real.num_names if method != "mixed" else real.names, method)
    both = matrix_divergence(association_matrix(real, method), association_matrix(synthetic, method))
    return both[0 if norm == "mean" else 1]


def pair_errors(real: Arrays, synthetic: Arrays) -> pd.DataFrame:
    """Trend error of every pair of columns: first, second, kind, error."""
    r_codes, s_codes, sizes = binned(real, synthetic)
    n_num = real.num.shape[1]
    r_corr, s_corr = (association_matrix(t, "pearson").to_numpy() for t in (real, synthetic))
    rows = []
    for i, j in combinations(range(len(real.names)), 2):
        if j < n_num:
            kind, error = "numerical", abs(r_corr[i, j] - s_corr[i, j]) / 2
        else:
            kind = "mixed" if i < n_num else "categorical"
            joint = (contingency(codes[:, i], codes[:, j], sizes[i], sizes[j]) for codes in (r_codes, s_codes))
            error = total_variation(*joint)
        rows.append((real.names[i], real.names[j], kind, error))
    return pd.DataFrame(rows, columns=["first", "second", "kind", "error"])


def trend_error(real: pd.DataFrame | Arrays, synthetic: pd.DataFrame | Arrays) -> float:
    """Mean over pairs of columns of the distance between real and synthetic dependence.

    Half of abs(r_real - r_synthetic) for two numerical columns; total variation of the joint table for the others,
    numerical ones cut at the deciles of the *real* column in both tables (1 minus the "column pair trends" of
    sdmetrics, which cuts each table at its own edges and so finds differences between samples of one distribution).

    Parameters
    ----------
    real, synthetic : DataFrame of shape (n, p) and (m, p)

    Returns
    -------
    float
        In [0, 1]; 0 is perfect. Chance alone costs more the finer the joint tables: read it beside the ceiling.
    """
    real, synthetic = read_pair(real, synthetic)
    _need_two(real.names, "mixed")
    return float(pair_errors(real, synthetic)["error"].mean())


@dataclass(frozen=True)
class Trend(Metric):
    """Trend error; details per pair."""

    name: ClassVar[str] = "trend"
    group: ClassVar[str] = "Pairs of columns"
    directions: ClassVar[dict] = {"trend_error": "lower"}
    n_bootstrap: ClassVar[int] = 20

    def measure(self, case: Case) -> Measurement:
        """Measure the pairs of the candidate against the reference."""
        _need_two(case.real.names, "mixed")
        table = pair_errors(case.reference, case.candidate)
        return Measurement({"trend_error": float(table["error"].mean())}, details={"pairs": table})


@dataclass(frozen=True)
class Correlation(Metric):
    """Mean absolute difference and Frobenius norm for each kind of association matrix; the matrices in the details."""

    name: ClassVar[str] = "correlation"
    group: ClassVar[str] = "Pairs of columns"
    directions: ClassVar[dict] = {
        f"{method}_{norm}": "lower" for method in ASSOCIATIONS for norm in ("difference", "frobenius")
    }
    n_bootstrap: ClassVar[int] = 20

    def measure(self, case: Case) -> Measurement:
        """Measure the correlations of the candidate against the reference."""
        values: dict[str, float | MetricUnavailable] = {}
        details = {}
        for method in ASSOCIATIONS:
            names = (f"{method}_difference", f"{method}_frobenius")
            try:
                _need_two(case.real.num_names if method != "mixed" else case.real.names, method)
            except MetricUnavailable as reason:
                values |= dict.fromkeys(names, reason)
                continue
            matrices = [association_matrix(table, method) for table in (case.reference, case.candidate)]
            values |= dict(zip(names, matrix_divergence(*matrices), strict=True))
            details |= {f"{method}_real": matrices[0], f"{method}_synthetic": matrices[1]}
        return Measurement(values, details=details)

    def explain(self, case: Case) -> dict[str, pd.DataFrame]:
        """Return the mixed associations pair by pair."""
        _need_two(case.real.names, "mixed")
        return {"pairs": association_pairs(*(association_matrix(table) for table in (case.reference, case.candidate)))}


def _need_two(names: tuple[str, ...], method: str) -> None:
    if len(names) < 2:
        kind = "columns" if method == "mixed" else "numerical columns"
        raise MetricUnavailable(f"at least two {kind} are needed, there are {len(names)}")
