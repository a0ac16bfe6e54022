"""Can a strong classifier tell synthetic rows from real ones? (classifier two-sample test)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from tabdiff_lora.evaluation.columns import Arrays, read_pair
from tabdiff_lora.evaluation.metric import NO_CEILING, Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable
from tabdiff_lora.evaluation.significance import auc_standard_error

MIN_ROWS = 50
MAX_LEVELS = 250  # HistGradientBoosting takes at most 255 categories


def default_critic(categorical: np.ndarray, seed: int = 0) -> HistGradientBoostingClassifier:
    """Return the critic: 150 boosted trees of 31 leaves, learning rate 0.1, no early stopping."""
    return HistGradientBoostingClassifier(
        max_iter=150, early_stopping=False, categorical_features=categorical, random_state=seed
    )


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
    real: Arrays, synthetic: Arrays, *, n_folds: int, seed: int, n_jobs: int | None, critic=default_critic
) -> tuple[float, float, np.ndarray]:
    """Mean AUC over folds, its standard error (DeLong within folds), and the out-of-fold scores (n + m,)."""
    x, y, mask = critic_matrix(real, synthetic)
    scores = np.empty(len(y))
    aucs, variances = [], []
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with threadpool_limits(limits=n_jobs):
        for train, test in folds.split(x, y):
            model = critic(mask, seed).fit(x[train], y[train])
            scores[test] = model.predict_proba(x[test])[:, 1]
            aucs.append(roc_auc_score(y[test], scores[test]))
            variances.append(auc_standard_error(y[test], scores[test]) ** 2)
    return float(np.mean(aucs)), float(np.sqrt(np.sum(variances)) / n_folds), scores


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
        Threads; None leaves the choice to scikit-learn.

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
    return cross_validated_auc(real, synthetic, n_folds=n_folds, seed=random_state, n_jobs=n_jobs)[0]


@dataclass(frozen=True)
class Detection(Metric):
    """Detection AUC, against held-out rows if there are any.

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
    directions: ClassVar[dict] = {"detection_auc": "lower"}

    def measure(self, case: Case) -> Measurement:
        """Measure how well the candidate is told from rows the generator has not seen."""
        reference = case.real if case.holdout is None else case.holdout
        tables = equal_sizes(reference, case.candidate, self.max_rows, case.seed)
        auc, error, _ = cross_validated_auc(*tables, n_folds=self.n_folds, seed=case.seed, n_jobs=case.n_jobs)
        return Measurement(
            {"detection_auc": auc},
            intervals={"detection_auc": (max(auc - 1.96 * error, 0.0), min(auc + 1.96 * error, 1.0))},
            interval_kind="DeLong",
            rows=rows_used(case, *tables),
        )

    def ceiling(self, case: Case) -> Case:
        """Return the case in which the real training rows are to be told from the held-out ones."""
        if case.holdout is None:
            raise MetricUnavailable(NO_CEILING)
        return replace(case, candidate=case.real.subsample(len(case.candidate), case.rng(2)))


def rows_used(case: Case, reference: Arrays, candidate: Arrays) -> dict[str, int]:
    """Sizes for the score: the reference is the holdout if there is one."""
    side = "n_real" if case.holdout is None else "n_holdout"
    return {side: len(reference), "n_synthetic": len(candidate)}
