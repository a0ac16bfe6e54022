"""What is fitted, how many rows are drawn, who judges them: rows and seconds equal for all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tabdiff_lora.datasets import Dataset
from tabdiff_lora.evaluation import (
    MetricUnavailable,
    association_matrix,
    correlation_divergence,
    detection_auc,
    evaluate,
    ml_efficiency,
    shape_error,
    trend_error,
)
from tabdiff_lora.evaluation.columns import read_pair

Scores = dict[str, float | None]
"""None where a score does not exist, such as a correlation in a table with one number."""


class Protocol(ABC):
    """The terms of a run. Its fields are frozen and stand in every record, so that equal terms are recognised."""

    name: str

    @abstractmethod
    def draws(self, dataset: Dataset, *, is_real: bool) -> tuple[int, Sequence[int | None]]:
        """Return the rows of a draw, and the seed of every draw (None: the synthesizer's own stream)."""

    @abstractmethod
    def judge(self, dataset: Dataset, draws: Sequence[pd.DataFrame], seed: int) -> dict[str, Any]:
        """Return ``scores`` of what was drawn, and whatever else is to stand in the record."""

    def ceiling(self, dataset: Dataset, scores_of_real: Scores, seed: int) -> Scores:
        """Turn the scores of ``real`` into a ceiling."""
        return scores_of_real


@dataclass(frozen=True)
class EqualRows(Protocol):
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
    name : str, default="equal"
    """

    n_rows_max: int = 10_000
    name: str = "equal"

    def n_rows(self, dataset: Dataset) -> int:
        """Return the number of rows to draw."""
        return min(len(dataset.train), self.n_rows_max)

    def draws(self, dataset: Dataset, *, is_real: bool) -> tuple[int, Sequence[int | None]]:
        """One draw, of as many rows as were fitted."""
        return self.n_rows(dataset), [None]

    def judge(self, dataset: Dataset, draws: Sequence[pd.DataFrame], seed: int) -> dict[str, Any]:
        """Scores, and the association matrices behind the correlation divergence."""
        (candidate,) = draws
        return {
            "scores": self.score(dataset, candidate, seed),
            "association": associations(dataset.held_out, candidate),
        }

    def score(self, dataset: Dataset, candidate: pd.DataFrame, seed: int) -> Scores:
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

    def ceiling(self, dataset: Dataset, scores_of_real: Scores, seed: int) -> Scores:
        """Replace the copies of the real rows by those of rows that were not seen.

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


def associations(held_out: pd.DataFrame, candidate: pd.DataFrame) -> dict[str, list]:
    """Association matrices (Pearson, correlation ratio, Cramér's V) for the pictures, as JSON.

    Returns
    -------
    dict
        ``names`` of the p columns; ``held_out`` and ``synthetic``, the p (p - 1) / 2 entries above the diagonal, row by
        row. Empty if there is one column.
    """
    tables = read_pair(held_out, candidate)
    if len(tables[0].names) < 2:
        return {}
    matrices = [association_matrix(table, "mixed") for table in tables]
    above = np.triu_indices(len(matrices[0]), 1)
    entries = [matrix.to_numpy()[above].round(3).tolist() for matrix in matrices]
    return {"names": list(matrices[0]), "held_out": entries[0], "synthetic": entries[1]}


def matrix_of(names: Sequence[str], entries: Sequence[float]) -> pd.DataFrame:
    """Put the entries that `associations` wrote back into a matrix of shape (p, p)."""
    matrix = np.eye(len(names))
    above = np.triu_indices(len(names), 1)
    matrix[above] = matrix.T[above] = entries
    return pd.DataFrame(matrix, index=list(names), columns=list(names))


def _copies(train: pd.DataFrame, candidate: pd.DataFrame, held_out: pd.DataFrame, seed: int) -> Scores:
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
