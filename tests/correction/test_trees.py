"""The arrays are CatBoost's trees, and what they say is the logarithm of a density ratio."""

import catboost
import numpy as np
import pytest

from tabdiff_lora.correction import trees as room
from tabdiff_lora.correction.trees import SymmetricTrees, boosted_trees
from tabdiff_lora.correction.two_samples import TwoSamples

RNG = np.random.default_rng(0)
SAMPLES = TwoSamples.of(RNG.normal(0.5, 1.0, (4_000, 2)), RNG.normal(0.0, 1.0, (8_000, 2)), RNG)


@pytest.fixture(scope="module")
def trees() -> SymmetricTrees:
    return boosted_trees(SAMPLES, 0, n_threads=1)


def test_the_arrays_say_what_catboost_says(monkeypatch):
    models = []

    class Kept(catboost.CatBoostClassifier):
        def fit(self, *args, **kwargs):
            models.append(self)
            return super().fit(*args, **kwargs)

    monkeypatch.setattr(catboost, "CatBoostClassifier", Kept)
    trees = boosted_trees(SAMPLES, 0, n_threads=1)
    x = np.concatenate([SAMPLES.x, np.full((1, 2), np.nan), np.full((1, 2), np.inf)]).astype(np.float32)
    expected = models[0].predict(x[:-2], prediction_type="RawFormulaVal")
    np.testing.assert_allclose(trees(x)[:-2], expected, atol=1e-6)
    assert np.isfinite(trees(x)).all()


def test_they_estimate_the_density_ratio(trees):
    """log N(x; .5, 1) / N(x; 0, 1) = x / 2 - 1 / 8 in each of two dimensions."""
    x = RNG.normal(0.25, 1.0, (2_000, 2))
    expected = (x / 2 - 1 / 8).sum(axis=1)
    assert np.corrcoef(trees(x), expected)[0, 1] > 0.95
    assert abs((trees(x) - expected).mean()) < 0.1  # twice as many drawn rows count as much as the real ones


def test_where_there_is_nothing_to_find_little_is_said():
    rng = np.random.default_rng(1)
    samples = TwoSamples.of(*rng.normal(size=(2, 3_000, 4)), rng)
    assert np.std(boosted_trees(samples, 0, n_threads=1)(samples.x)) < 0.15


def test_time_that_is_over_ends_the_boosting():
    asked = iter([False, False, True])
    assert len(boosted_trees(SAMPLES, 0, n_threads=1, is_over=lambda: next(asked, True))) <= 3


def test_the_same_seed_grows_the_same_trees(trees):
    again = boosted_trees(SAMPLES, 0, n_threads=1)
    np.testing.assert_array_equal(again.leaves, trees.leaves)
    assert trees.columns.shape == trees.borders.shape == (len(trees), room.DEPTH)
