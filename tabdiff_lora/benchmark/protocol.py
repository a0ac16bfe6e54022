"""What is fitted, how many rows are drawn, who judges them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from tabdiff_lora.datasets import Dataset
from tabdiff_lora.evaluation import (
    MetricUnavailable,
    correlation_divergence,
    detection_auc,
    evaluate,
    ml_efficiency,
    shape_error,
    trend_error,
)

HIGHER_IS_BETTER = frozenset({"macro_f1", "accuracy", "roc_auc", "r2"})


@dataclass(frozen=True)
class EqualRows:
    """Judge as many rows as were fitted, beside as many real ones.

    The training part is fitted whole. All judges see n = min(training rows, ``n_rows_max``) rows of the candidate:

    - realism is measured against the held-out rows (``val`` and ``test`` together), which no synthesizer has seen:
      cross-validated two-sample AUC, shape error, trend error, correlation divergence (Pearson, and over all columns);
    - usefulness: CatBoost trained on the n rows, scored on the held-out rows (300 trees, no early stopping, so that no
      real row takes part in the training);
    - honesty: the share of rows that equal a training row in every column, that are far nearer to one training row than
      to any other, and that are nearer to a training row than to a held-out one (0.5 where nothing is memorised).

    Run on ``real``, which draws n training rows, the same judges give the ceiling; on ``independent``, the floor.

    Parameters
    ----------
    n_rows_max : int, default=10_000
    """

    n_rows_max: int = 10_000
    name: str = "equal"

    def n_rows(self, dataset: Dataset) -> int:
        """Return the number of rows to draw."""
        return min(len(dataset.train), self.n_rows_max)

    def score(self, dataset: Dataset, candidate: pd.DataFrame, seed: int) -> dict[str, float | None]:
        """Judge the rows of a candidate.

        Parameters
        ----------
        dataset : Dataset
        candidate : DataFrame of shape (n, p)
            With the columns of the training part.
        seed : int
            Of the judges.

        Returns
        -------
        dict of str to float or None
            None where a score does not exist, such as a correlation in a table with one number.
        """
        held_out = dataset.held_out
        scores = {
            "detection_auc": _or_none(detection_auc, held_out, candidate, max_rows=self.n_rows_max, random_state=seed),
            "shape_error": shape_error(held_out, candidate),
            "trend_error": trend_error(held_out, candidate),
            "pearson_difference": _or_none(correlation_divergence, held_out, candidate, method="pearson"),
            "pearson_frobenius": _or_none(
                correlation_divergence, held_out, candidate, method="pearson", norm="frobenius"
            ),
            "mixed_difference": correlation_divergence(held_out, candidate, method="mixed"),
        }
        usefulness = _or_none(ml_efficiency, candidate, held_out, dataset.target, task=dataset.task, random_state=seed)
        return scores | (usefulness or {}) | _copies(dataset.train, candidate, held_out, seed)

    def ceiling(self, dataset: Dataset, scores_of_real: dict[str, float | None], seed: int) -> dict[str, float | None]:
        """Turn the scores of ``real`` into a ceiling: its copies are replaced by those of rows that were not seen.

        Parameters
        ----------
        dataset : Dataset
        scores_of_real : dict
            What `score` says of the training rows themselves.
        seed : int
            Of the judges.

        Returns
        -------
        dict of str to float or None
        """
        return scores_of_real | _copies(dataset.train, dataset.test, dataset.val, seed)


def _copies(train: pd.DataFrame, candidate: pd.DataFrame, held_out: pd.DataFrame, seed: int) -> dict[str, float | None]:
    report = evaluate(
        train,
        candidate,
        holdout=held_out,
        metrics=["copies"],
        max_rows=max(len(train), len(candidate)),
        random_state=seed,
    )
    return {name: report[name].value for name in ("exact_copies", "memorised", "closer_to_training")}


def _or_none(metric: Callable, *args, **kwargs):
    try:
        return metric(*args, **kwargs)
    except MetricUnavailable:
        return None
