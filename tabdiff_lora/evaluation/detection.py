"""Can a strong classifier tell synthetic rows from real ones? (classifier two-sample test)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from tabdiff_lora.evaluation.columns import Arrays, read_pair
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable
from tabdiff_lora.evaluation.significance import auc_standard_error
from tabdiff_lora.evaluation.threads import n_threads, side_by_side

MIN_ROWS = 50
MAX_LEVELS = 250  # HistGradientBoosting takes at most 255 categories


# What a critic may do besides the defaults of HistGradientBoostingClassifier (31 leaves, learning rate 0.1).
FULL = {"max_iter": 150}
SMALL = {"max_iter": 40, "max_leaf_nodes": 15}


def new_critic(settings: dict, categorical: np.ndarray, seed: int) -> HistGradientBoostingClassifier:
    """Return an untrained critic, without early stopping; ``categorical`` is a mask of shape (p,)."""
    fixed = {"early_stopping": False, "categorical_features": categorical, "random_state": seed}
    return HistGradientBoostingClassifier(**settings, **fixed)


def fit_critic(settings: dict, categorical: np.ndarray, seed: int, x: np.ndarray, y: np.ndarray):
    """Return a critic trained on x (n, p) and y (n,); a column without any value there tells it nothing."""
    empty = np.isnan(x).all(axis=0)
    return new_critic(settings, categorical, seed).fit(np.where(empty, 0.0, x) if empty.any() else x, y)


def critic_matrix(real: Arrays, synthetic: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stack two tables for a critic: X (n + m, D + C), y (n + m,) with 1 for synthetic, categorical mask (D + C,).

    Beyond 250 levels the rarest of the pooled table share one code.
    """
    both = real + synthetic
    cat = both.cat.astype(float)
    for j in np.flatnonzero(both.sizes > MAX_LEVELS):
        counts = np.bincount(both.cat[:, j], minlength=both.sizes[j])
        rank = np.empty(len(counts))
        rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
        cat[:, j] = np.minimum(rank[both.cat[:, j]], MAX_LEVELS)
    y = np.repeat([0, 1], [len(real), len(synthetic)])
    mask = np.repeat([False, True], [both.num.shape[1], both.cat.shape[1]])
    return np.concatenate([both.num, cat], axis=1), y, mask


def equal_sizes(real: Arrays, synthetic: Arrays, max_rows: int, seed: int) -> tuple[Arrays, Arrays]:
    """Subsample both tables to the size of the smaller one, at most ``max_rows``."""
    n = min(len(real), len(synthetic), max_rows)
    if n < MIN_ROWS:
        raise MetricUnavailable(f"at least {MIN_ROWS} rows of each table are needed, there are {n}")
    rng = np.random.default_rng(seed)
    return real.subsample(n, rng), synthetic.subsample(n, rng)


def cross_validated_auc(
    real: Arrays, synthetic: Arrays, *, settings: dict = FULL, n_folds: int, seed: int, threads: int = 1
) -> tuple[float, float]:
    """Mean AUC over folds, and its standard error (DeLong within folds); the folds run side by side."""
    x, y, mask = critic_matrix(real, synthetic)

    def fold(train: np.ndarray, test: np.ndarray) -> tuple[float, float]:
        score = fit_critic(settings, mask, seed, x[train], y[train]).predict_proba(x[test])[:, 1]
        return float(roc_auc_score(y[test], score)), auc_standard_error(y[test], score)

    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(x, y)
    aucs, errors = np.array(side_by_side([partial(fold, *rows) for rows in folds], threads)).T
    return float(aucs.mean()), float(np.sqrt((errors**2).sum()) / n_folds)


def detection_auc(
    real: pd.DataFrame | Arrays,
    synthetic: pd.DataFrame | Arrays,
    *,
    n_folds: int = 5,
    max_rows: int = 10_000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> float:
    """Cross-validated AUC of gradient boosting that tells synthetic rows from real ones.

    Pass real rows that the generator has *not* seen: against its training rows a generator that copies them wins. Both
    tables are subsampled to equal size. The critic is `HistGradientBoostingClassifier` with 150 trees of 31 leaves,
    learning rate 0.1, no early stopping, categories as unordered codes: strong enough to give shuffled columns away
    (logistic regression, the critic of several papers, finds nothing wrong with them).

    Parameters
    ----------
    real, synthetic : DataFrame of shape (n, p) and (m, p)
    n_folds : int, default=5
    max_rows : int, default=10_000
        Rows of each table, at most; AUC grows with it as the critic learns more.
    random_state : int, default=0
    n_jobs : int or None, default=None
        Folds that run side by side; None takes one for small tables and all cores for larger ones.

    Returns
    -------
    float
        0.5: indistinguishable for this critic; 1: every row is recognised.

    Raises
    ------
    MetricUnavailable
        If a table has fewer than 50 rows.

    References
    ----------
    Revisiting classifier two-sample tests (Lopez-Paz and Oquab, 2017).
    """
    real, synthetic = equal_sizes(*read_pair(real, synthetic), max_rows, random_state)
    threads = n_threads(n_jobs, 2 * len(real) * len(real.names))
    return cross_validated_auc(real, synthetic, n_folds=n_folds, seed=random_state, threads=threads)[0]


def match_margins(table: Arrays, reference: Arrays, rng: np.random.Generator) -> Arrays:
    """Give every column of ``table`` the margin of ``reference``, which has as many rows, with few changes.

    Numbers are mapped by rank, ties in random order; of each category that is too frequent, randomly chosen cells are
    relabelled to categories that are too rare, which changes a share of the cells equal to the total variation.
    """
    n = len(table)
    num = np.empty_like(table.num)
    for j in range(num.shape[1]):
        order = np.lexsort([rng.random(n), table.num[:, j]])  # missing values sort last in both tables
        num[order, j] = np.sort(reference.num[:, j])
    cat = table.cat.copy()
    for j, size in enumerate(table.sizes):
        surplus = np.bincount(cat[:, j], minlength=size) - np.bincount(reference.cat[:, j], minlength=size)
        released = [rng.permutation(np.flatnonzero(cat[:, j] == k))[: surplus[k]] for k in np.flatnonzero(surplus > 0)]
        if released:
            wanted = np.repeat(np.arange(size), np.maximum(-surplus, 0))
            cat[np.concatenate(released), j] = rng.permutation(wanted)
    return replace(table, num=num, cat=cat)


def differing_margins(real: Arrays, synthetic: Arrays, level: float = 0.01) -> list[str]:
    """Columns whose margins differ beyond chance: Kolmogorov-Smirnov or chi-squared test, p below ``level``."""
    names = []
    for name in real.names:
        x, y = real.column(name), synthetic.column(name)
        if real.is_numerical(name):
            p = stats.ks_2samp(np.nan_to_num(x, nan=-np.inf), np.nan_to_num(y, nan=-np.inf), method="asymp").pvalue
        else:
            counts = np.array([np.bincount(codes, minlength=len(real.labels(name))) for codes in (x, y)])
            counts = counts[:, counts.sum(axis=0) > 0]
            p = stats.chi2_contingency(counts).pvalue if counts.shape[1] > 1 else 1.0
        if p < level:
            names.append(name)
    return names


def repair_margins(table: Arrays, reference: Arrays, donor: Arrays, rng: np.random.Generator) -> Arrays:
    """Give the columns of ``table`` whose margins differ from the reference those of rows drawn from ``donor``.

    Columns that differ no more than chance stay as they are: mapping them too would move every value by its sampling
    error, which a critic notices where dependence is sharp. The donor should not be the reference itself, or a critic
    learns from the training folds which values are left for the test fold.
    """
    names = differing_margins(reference, table)
    if not names:
        return table
    drawn = donor.take(rng.integers(len(donor), size=len(table)))
    matched = match_margins(table, drawn, rng)
    num = np.where(np.isin(table.num_names, names), matched.num, table.num) if table.num_names else table.num
    cat = np.where(np.isin(table.cat_names, names), matched.cat, table.cat) if table.cat_names else table.cat
    return replace(table, num=num, cat=cat)


@dataclass(frozen=True)
class Detection(Metric):
    """Detection AUC, against held-out rows if there are any, and what gives the synthetic rows away.

    - detection_auc: both tables as they are.
    - detection_margins: every column of both tables shuffled on its own, so that only margins can differ.
    - detection_dependence: columns of the synthetic table whose margins differ beyond chance mapped to the real margins
      (`repair_margins`), so that only dependence can differ.

    The details name the columns the critic needs most and, among the five it needs most after the repair, the pairs
    whose dependence is wrong.

    Parameters
    ----------
    n_folds : int, default=5
    max_rows : int, default=10_000
        Rows of each table, at most.
    """

    n_folds: int = 5
    max_rows: int = 10_000
    name: ClassVar[str] = "detection"
    group: ClassVar[str] = "Detection"
    directions: ClassVar[dict] = {
        "detection_auc": "lower",
        "detection_margins": "lower",
        "detection_dependence": "lower",
    }

    def measure(self, case: Case) -> Measurement:
        """Measure how well the candidate is told from rows the generator has not seen."""
        reference, candidate = self._tables(case)
        rng = case.rng(17)
        contests = {
            "detection_auc": (reference, candidate),
            "detection_margins": (reference.shuffled(rng), candidate.shuffled(rng)),
            "detection_dependence": (reference, repair_margins(candidate, reference, case.real, rng)),
        }
        if len(reference.names) < 2:
            del contests["detection_dependence"]
        values: dict[str, float | MetricUnavailable] = {}
        intervals = {}
        for name, tables in contests.items():
            if name == "detection_dependence" and tables[1] is candidate:  # nothing to repair: the first contest again
                values[name], intervals[name] = values["detection_auc"], intervals["detection_auc"]
                continue
            auc, error = cross_validated_auc(*tables, n_folds=self.n_folds, seed=case.seed)
            values[name] = auc
            intervals[name] = (max(auc - 1.96 * error, 0.0), min(auc + 1.96 * error, 1.0))
        values.setdefault("detection_dependence", MetricUnavailable("at least two columns are needed, there is one"))
        rows = replace(case.with_reference(reference), candidate=candidate).sizes()
        return Measurement(values, intervals, "DeLong", rows=rows)

    def explain(self, case: Case) -> dict[str, pd.DataFrame]:
        """Name the culprits."""
        reference, candidate = self._tables(case)
        columns = column_importance(reference, candidate, seed=case.seed)
        repaired = repair_margins(candidate, reference, case.real, case.rng(18))
        left = columns if repaired is candidate else column_importance(reference, repaired, seed=case.seed)
        suspects = list(left["column"][:5])
        return {"columns": columns, "pairs": pair_importance(reference, repaired, suspects, seed=case.seed)}

    def _tables(self, case: Case) -> tuple[Arrays, Arrays]:
        return equal_sizes(case.reference, case.candidate, self.max_rows, case.seed)


def halves(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows to test on, with as many of each table in both."""
    return next(StratifiedKFold(2, shuffle=True, random_state=seed).split(x, y))


def column_importance(real: Arrays, synthetic: Arrays, *, seed: int) -> pd.DataFrame:
    """Fall of the critic's AUC on a held-out half when a column is shuffled there: column, fall; the worst first."""
    x, y, mask = critic_matrix(real, synthetic)
    train, test = halves(x, y, seed)
    rng = np.random.default_rng([seed, 1])
    falls = []
    model = fit_critic(FULL, mask, seed, x[train], y[train])
    full = roc_auc_score(y[test], model.predict_proba(x[test])[:, 1])
    for j in range(x.shape[1]):
        shuffled = x[test].copy()
        shuffled[:, j] = rng.permutation(shuffled[:, j])
        falls.append(full - roc_auc_score(y[test], model.predict_proba(shuffled)[:, 1]))
    table = pd.DataFrame({"column": real.names, "fall": falls})
    return table.sort_values("fall", ascending=False, ignore_index=True)


def pair_importance(real: Arrays, synthetic: Arrays, names: list[str], *, seed: int) -> pd.DataFrame:
    """AUC, on a held-out half, of a small critic that sees two columns only: first, second, auc; the worst first."""
    rows = []
    for pair in combinations(names, 2):
        x, y, mask = critic_matrix(*(table.keep(pair) for table in (real, synthetic)))
        train, test = halves(x, y, seed)
        score = fit_critic(SMALL, mask, seed, x[train], y[train]).predict_proba(x[test])[:, 1]
        rows.append((*pair, roc_auc_score(y[test], score)))
    table = pd.DataFrame(rows, columns=["first", "second", "auc"])
    return table.sort_values("auc", ascending=False, ignore_index=True)
