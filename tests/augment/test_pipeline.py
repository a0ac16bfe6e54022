"""sample_pipeline: the steps before the synthesizer are undone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from tabdiff_lora import sample_pipeline
from tests.synthesizers import TINY
from tests.tables import gaussian_table


def test_last_step_of_a_pipeline():
    table = gaussian_table()
    pipe = make_pipeline(StandardScaler(), MinMaxScaler(), TINY).fit(table[["a", "b"]])
    assert np.abs(pipe[-1].sample(50)).max() <= 1 + 1e-6
    drawn = sample_pipeline(pipe, 400, random_state=0)
    assert list(drawn.columns) == ["a", "b"]
    assert drawn["b"].mean() == pytest.approx(table["b"].mean(), abs=0.3)
    assert drawn["b"].between(table["b"].min() - 1e-6, table["b"].max() + 1e-6).all()
    labelled = sample_pipeline(clone(pipe).fit(table[["a", "b"]], table["label"]), 20)
    assert list(labelled.columns) == ["a", "b", "target"] and set(labelled["target"]) <= {"high", "low"}
    named = clone(pipe).set_output(transform="pandas").fit(table[["a", "b"]], table["label"])
    assert list(sample_pipeline(named, 20).columns) == ["a", "b", "label"]
    array = sample_pipeline(clone(pipe).fit(table[["a", "b"]].to_numpy(), np.arange(300)), 20)
    assert array.shape == (20, 3)
    one_way = make_pipeline(make_column_transformer((StandardScaler(), [0, 1])), TINY).fit(table[["a", "b"]])
    with pytest.raises(TypeError, match="step 'columntransformer' of the pipeline must have inverse_transform"):
        sample_pipeline(one_way, 3)
