"""A folder of each format that was ever released: it is loaded, and draws the rows that were recorded with it.

Single precision sums round as the processor and the version of torch order them, so numbers may differ in their last
digits; and where a draw falls between two levels by such a digit, a row may get the other one. Rows do not touch each
other, so almost all must agree. A change of a sampler, an encoder or a random stream changes all of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tests.persistence.freeze import FROZEN, N_ROWS, ROWS, SEED, table

FOLDERS = sorted(path for path in FROZEN.iterdir() if path.is_dir())
SAME = 0.95  # share of the cells of a column
CLOSE = 1e-3  # of the range of the column


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def folder(request, monkeypatch):
    """A frozen folder, read with the sizes of the library."""
    monkeypatch.undo()
    return request.param


def same(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Which cells agree, bool of shape (n,)."""
    both_missing = (one.isna() & other.isna()).to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(one.dtype) and not pd.api.types.is_bool_dtype(one.dtype):
        one, other = (column.astype("float64").to_numpy() for column in (one, other))
        return both_missing | (np.abs(one - other) <= CLOSE * (np.nanmax(other) - np.nanmin(other)))
    return both_missing | (one.astype(object) == other.astype(object)).to_numpy(dtype=bool)


def test_it_loads_and_draws_its_rows(folder):
    synth = TabularDiffusionSynthesizer.from_pretrained(folder, device="cpu")
    drawn, recorded = synth.sample(N_ROWS, random_state=SEED), pd.read_parquet(folder / ROWS)
    assert list(drawn) == list(recorded)
    for name in recorded:
        assert same(drawn[name], recorded[name]).mean() >= SAME, name
    assert (drawn.dtypes == table().dtypes).all()


def test_it_goes_on_learning(folder):
    synth = TabularDiffusionSynthesizer.from_pretrained(folder, device="cpu")
    n_before = synth.n_iter_
    assert synth.set_params(max_epochs=1).partial_fit(table()).n_iter_ > n_before
    assert np.isfinite(synth.score(table()))


def test_it_is_small(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 200_000
