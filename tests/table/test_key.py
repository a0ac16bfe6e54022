"""KeyEncoder: new, unique, in the seen format."""

from __future__ import annotations

import re
import uuid

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.table import CategoricalEncoder, KeyEncoder, TableEncoder


def draw(encoder, n, seed=0):
    num, cat = np.empty((n, 0)), np.zeros((n, len(encoder.categorical_)), dtype=np.int64)
    return encoder.decode(num, cat, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("seen", "pattern"),
    [
        ([f"A-{i:04d}" for i in range(200)], r"A-\d{4}"),
        (
            [str(uuid.uuid5(uuid.NAMESPACE_DNS, str(i))) for i in range(200)],
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        ),
        ([f"user{i}@mail.org" for i in range(100, 300)], r"user\d{3}@mail.org"),
    ],
)
def test_text_keys_are_new_unique_and_in_format(seen, pattern):
    encoder = KeyEncoder().fit(pd.Series(seen, name="key"))
    drawn = draw(encoder, 300)
    assert drawn.is_unique
    assert not set(drawn) & set(seen)
    assert all(re.fullmatch(pattern, text) for text in drawn)
    assert drawn.dtype == pd.Series(seen).dtype


def test_a_format_that_runs_out_grows():
    drawn = draw(KeyEncoder().fit(pd.Series(list("0123456789"))), 50)
    assert drawn.is_unique
    assert all(text.isdigit() for text in drawn)


def test_numbers_go_on_counting():
    drawn = draw(KeyEncoder().fit(pd.Series([10, 20, 40])), 3)
    assert drawn.tolist() == [50, 60, 70]
    shuffled = draw(KeyEncoder().fit(pd.Series([40, 10, 20])), 30)
    assert sorted(shuffled) == list(range(50, 350, 10))
    assert not shuffled.is_monotonic_increasing


def test_gaps_are_a_state():
    encoder = KeyEncoder().fit(pd.Series(["a1", None, "a2"]))
    drawn = encoder.decode(np.empty((2, 0)), np.array([[0], [1]]), np.random.default_rng(0))
    assert drawn.isna().tolist() == [False, True]


def test_the_same_generator_draws_the_same_keys():
    encoder = KeyEncoder().fit(pd.Series([f"A-{i:04d}" for i in range(200)]))
    pd.testing.assert_series_equal(draw(encoder, 20, seed=3), draw(encoder, 20, seed=3))


def test_a_table_warns_of_what_it_does_not_learn():
    table = pd.DataFrame({"id": range(30), "note": [f"note no. {i}" for i in range(30)], "x": np.arange(30) % 3})
    with pytest.warns(UserWarning, match="is taken for a") as warned:
        encoder = TableEncoder().fit(table)
    messages = [str(warning.message) for warning in warned]
    assert any("column 'id' is taken for a key" in text and "types={'id': 'categorical'}" in text for text in messages)
    assert any("column 'note' is taken for a text" in text for text in messages)
    TableEncoder([("learned", CategoricalEncoder(), ["id", "note"])]).fit(table)  # no warning
    back = encoder.inverse_transform(encoder.transform(table))
    assert not set(back["id"]) & set(table["id"])
    assert (back.dtypes == table.dtypes).all()
