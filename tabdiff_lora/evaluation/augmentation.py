"""Wider questions of usefulness: does adding synthetic rows help, and is every column predictable as before?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.evaluation.efficacy import DEFAULT_SETTINGS, classification_scores, fit_predict, regression_scores
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable

QUICK_SETTINGS = DEFAULT_SETTINGS | {"iterations": 100, "learning_rate": 0.2, "one_hot_max_size": 255}
MAX_TARGET_LEVELS = 50


@dataclass(frozen=True)
class AugmentationGain(Metric):
    """Score of a model trained on real and synthetic rows together, minus that of one trained on the real rows alone.

    Macro-F1 for classes, R2 for numbers, on the held-out rows; the mean over seeds. Most telling with few real
    rows: give `evaluate` a small ``real``. For the ceiling one half of the holdout is added and the other is the test.
    The interval, value +- 1.96 standard errors, adds the variances of held-out rows and of seeds.

    Parameters
    ----------
    model : dict, estimator or None, default=None
        See `ml_efficiency`.
    n_seeds : int, default=3
    n_resamples : int, default=50
        Bootstrap resamples of the held-out rows; both models are scored on the same ones.
    """

    model: dict | BaseEstimator | None = None
    imports: ClassVar[tuple[str, ...]] = ("catboost",)
    n_seeds: int = 3
    n_resamples: int = 50
    name: ClassVar[str] = "augmentation"
    group: ClassVar[str] = "Usefulness"
    directions: ClassVar[dict] = {"augmentation_gain": "higher"}

    def prepare(self, case: Case) -> Case:
        """Keep every row."""
        return case

    def ceiling(self, case: Case) -> Case:
        """Return the case that adds real rows."""
        return case.split_holdout()

    def measure(self, case: Case) -> Measurement:
        """Measure what the candidate adds."""
        target, task = case.need_target()
        test = case.need_holdout()
        alone, together = (
            [fit_predict(train, test, target, task, self.model, case.seed + i) for i in range(self.n_seeds)]
            for train in (case.real, case.real + case.candidate)
        )
        gains = [main_score(b) - main_score(a) for a, b in zip(alone, together, strict=True)]
        gain, n = float(np.mean(gains)), len(alone[0]["y"])
        intervals = {}
        if case.intervals:
            pairs = list(zip(alone, together, strict=True))

            def score(rows: np.ndarray) -> float:
                return float(np.mean([main_score(b, rows) - main_score(a, rows) for a, b in pairs]))

            of_seeds = np.std(gains, ddof=1) / self.n_seeds**0.5 if self.n_seeds > 1 else 0.0
            half = 1.96 * float(np.hypot(resampled_error(score, n, case, self.n_resamples), of_seeds))
            intervals = {"augmentation_gain": (gain - half, gain + half)}
        rows = {"n_real": len(case.real), "n_synthetic": len(case.candidate), "n_holdout": len(test)}
        return Measurement(
            {"augmentation_gain": gain}, intervals, "bootstrap of the held-out rows, and seeds", rows=rows
        )


@dataclass(frozen=True)
class GlobalUtility(Metric):
    """Train on synthetic, test on held-out real rows, with every column as the target in turn; the mean over columns.

    Macro-F1 for categorical and R2, not below 0, for numerical targets. One target says how well p(y | x) is learned;
    all of them say it for the whole joint distribution. Columns of more than 50 categories are left out; the details
    say so.

    Parameters
    ----------
    model : dict, estimator or None, default=None
        CatBoost settings; None: 100 trees of depth 6, learning rate 0.2, categories one-hot (with the statistics of
        every class instead, a target of 40 classes takes fifty times as long).
    max_rows : int, default=5_000
    n_resamples : int, default=20
        Bootstrap resamples of the held-out rows. The standard errors of the columns are averaged, as if their errors
        went together: the interval is rather too wide.

    References
    ----------
    TabStruct (Jiang et al., 2025).
    """

    model: dict | BaseEstimator | None = None
    imports: ClassVar[tuple[str, ...]] = ("catboost",)
    max_rows: int = 5_000
    n_resamples: int = 20
    name: ClassVar[str] = "global_utility"
    group: ClassVar[str] = "Usefulness"
    directions: ClassVar[dict] = {"global_utility": "higher"}

    def prepare(self, case: Case) -> Case:
        """Train on equally many synthetic and real rows."""
        return super().prepare(case).at_most(self.max_rows)

    def measure(self, case: Case) -> Measurement:
        """Predict every column."""
        test = case.need_holdout()
        rows = [self._one(case.candidate, test, name, case) for name in case.real.names]
        table = pd.DataFrame(rows, columns=["target", "score", "standard_error", "reason"])
        scores = table["score"].dropna().to_numpy()
        if len(scores) == 0:
            raise MetricUnavailable("no column can be predicted: " + table["reason"].iloc[0])
        mean, half = float(scores.mean()), 1.96 * float(table["standard_error"].mean())
        intervals = {"global_utility": (max(mean - half, 0.0), min(mean + half, 1.0))} if case.intervals else {}
        return Measurement({"global_utility": mean}, intervals, "bootstrap of the held-out rows", {"targets": table})

    def _one(self, train: Arrays, test: Arrays, name: str, case: Case) -> tuple[str, float, float, str]:
        task = "regression" if case.real.is_numerical(name) else "classification"
        model = QUICK_SETTINGS if self.model is None else self.model
        levels = 0 if task == "regression" else len(case.real.labels(name)) - 2
        if levels > MAX_TARGET_LEVELS:
            return name, float("nan"), float("nan"), f"{levels} categories are more than {MAX_TARGET_LEVELS}"
        try:
            result = fit_predict(train, test, name, task, model, case.seed)
            value = max(main_score(result), 0.0)
        except MetricUnavailable as reason:
            return name, float("nan"), float("nan"), str(reason)
        resamples = self.n_resamples if case.intervals else 0
        error = resampled_error(partial(main_score, result), len(result["y"]), case, resamples)
        return name, value, error, ""


def main_score(result: dict, rows: np.ndarray | slice = slice(None)) -> float:
    """Macro-F1 or R2 of a `fit_predict` result, on some of its rows; raise the reason if there is none."""
    y, predicted = result["y"][rows], result["predicted"][rows]
    if result["task"] == "classification":
        return classification_scores(y, predicted)["macro_f1"]
    value = regression_scores(y, predicted)["r2"]
    if isinstance(value, MetricUnavailable):
        raise value
    return value


def resampled_error(score: Callable[[np.ndarray], float], n: int, case: Case, n_resamples: int) -> float:
    """Standard error of a score of rows 0 .. n - 1, from resampling them; those without a score are left out."""
    draws = []
    for b in range(n_resamples):
        with suppress(MetricUnavailable):  # all rows drawn have the same value
            draws.append(score(case.rng(6, b).integers(n, size=n)))
    return float(np.std(draws, ddof=1)) if len(draws) > 1 else float("nan")
