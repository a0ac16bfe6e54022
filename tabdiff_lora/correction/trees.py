r"""Boosted trees that tell training rows from drawn ones, kept as a few arrays.

The trees are CatBoost's: symmetric ones, all nodes of a level ask the same question. Such a tree of depth d is d
columns, d borders and 2^d values, and a row's leaf is the number that its d answers spell in binary. So they are
evaluated here in a few lines, saved as arrays, and loaded from a stranger without running anything of his.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tabdiff_lora.correction.two_samples import TwoSamples

MAX_TREES = 400
DEPTH = 8
N_BORDERS = 128  # of each column, which a tree chooses among
LEARNING_RATE = 0.1


@dataclass(frozen=True)
class SymmetricTrees:
    """A sum of symmetric trees.

    Parameters
    ----------
    columns : ndarray of shape (T, d), int64
        Which feature each level of each tree looks at.
    borders : ndarray of shape (T, d), float32
        What it must exceed for the answer yes; infinite where a tree has fewer levels.
    leaves : ndarray of shape (T, 2^d), float64
    bias : float
    """

    columns: np.ndarray
    borders: np.ndarray
    leaves: np.ndarray
    bias: float

    def __len__(self) -> int:
        return len(self.leaves)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Sum of the trees at the rows x (n, F), float64 of shape (n,)."""
        features = np.ascontiguousarray(x.T, dtype=np.float32)
        total = np.full(len(x), self.bias)
        for columns, borders, leaves in zip(self.columns, self.borders, self.leaves, strict=True):
            leaf = np.zeros(len(x), dtype=np.int64)
            for level, (column, border) in enumerate(zip(columns, borders, strict=True)):
                leaf += (features[column] > border).astype(np.int64) << level
            total += leaves[leaf]
        return total

    @classmethod
    def none(cls) -> SymmetricTrees:
        """No tree, which says nothing."""
        return cls(np.zeros((0, DEPTH), np.int64), np.zeros((0, DEPTH), np.float32), np.zeros((0, 2**DEPTH)), 0.0)

    @classmethod
    def read(cls, model: dict) -> SymmetricTrees:
        """Read the trees of a CatBoost model of numbers, in CatBoost's JSON."""
        trees = model["oblivious_trees"]
        columns = np.zeros((len(trees), DEPTH), dtype=np.int64)
        borders = np.full((len(trees), DEPTH), np.inf, dtype=np.float32)
        leaves = np.zeros((len(trees), 2**DEPTH))
        for number, tree in enumerate(trees):
            leaves[number, : len(tree["leaf_values"])] = tree["leaf_values"]
            for level, split in enumerate(tree["splits"] or ()):
                columns[number, level], borders[number, level] = split["float_feature_index"], split["border"]
        scale, (bias,) = model["scale_and_bias"]
        return cls(columns, borders, scale * leaves, float(bias))


def boosted_trees(
    samples: TwoSamples, seed: int, *, n_threads: int, is_over: Callable[[], bool] = lambda: False
) -> SymmetricTrees:
    """Train trees whose sum estimates log p(x) / q(x), up to a constant.

    As many trees are kept as are best on rows set aside, so that trees which find nothing say nothing. They are not
    stopped early: the first ones often help nobody and later ones do.

    Parameters
    ----------
    samples : TwoSamples
    seed : int
    n_threads : int
    is_over : callable
        Asked after every tree whether there is no time left.
    """
    from catboost import CatBoostClassifier, Pool  # takes a second

    train, held_out = (
        Pool(samples.x[rows], samples.is_real[rows], weight=samples.weight[rows])
        for rows in (~samples.is_held_out, samples.is_held_out)
    )
    model = CatBoostClassifier(
        iterations=MAX_TREES,
        depth=DEPTH,
        border_count=N_BORDERS,
        learning_rate=LEARNING_RATE,
        bootstrap_type="No",
        random_seed=seed,
        thread_count=n_threads,
        allow_writing_files=False,
        verbose=False,
    )
    model.fit(train, eval_set=held_out, callbacks=[_Deadline(is_over)])
    with tempfile.TemporaryDirectory() as folder:  # the only way that CatBoost has to hand its trees over
        path = Path(folder) / "trees.json"
        model.save_model(str(path), format="json")
        return SymmetricTrees.read(json.loads(path.read_text(encoding="utf-8")))


class _Deadline:
    """Ends a fit of CatBoost when time is over."""

    def __init__(self, is_over: Callable[[], bool]):
        self.is_over = is_over

    def after_iteration(self, info) -> bool:
        """Whether to go on."""
        return not self.is_over()
