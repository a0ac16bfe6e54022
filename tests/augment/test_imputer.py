"""DiffusionImputer: gaps are filled, all else stays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from tabdiff_lora import DiffusionImputer
from tests.synthesizers import TINY
from tests.tables import mixed_table


def test_imputer_fills_frames_in_a_pipeline():
    table = mixed_table().astype({"member": "boolean"})
    gaps = table.mask(np.random.default_rng(0).random(table.shape) < 0.2)
    imputer = DiffusionImputer(TINY).set_output(transform="pandas")
    filled = imputer.fit_transform(gaps)
    assert not filled.isna().any().any() and (filled.dtypes == gaps.dtypes).all()
    pd.testing.assert_frame_equal(filled.where(gaps.notna()), gaps)
    pd.testing.assert_frame_equal(imputer.transform(gaps), filled)
    assert list(imputer.get_feature_names_out()) == list(table.columns)
    numbers = gaps[["income", "score"]]
    model = make_pipeline(DiffusionImputer(TINY), Ridge()).fit(numbers, np.arange(len(numbers)))
    assert np.isfinite(model.predict(numbers)).all()
