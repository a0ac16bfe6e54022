"""Numbers that repeat an earlier column come back as equal, and are drawn as equal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.table import TableEncoder


def bills(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Bills of which three in ten are paid in full, and two in ten as the last one was."""
    rng = np.random.default_rng(seed)
    bill = rng.integers(1, 10_000, n)
    last = np.round(rng.gamma(2.0, 500.0, n), 2)
    kind = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    paid = np.choose(kind, [np.round(rng.gamma(2.0, 300.0, n), 2), bill, last])
    return pd.DataFrame({"bill": bill, "last": last, "paid": paid, "city": rng.choice(["Oslo", "Rome"], n)})


def found(table: pd.DataFrame, **options) -> dict:
    return dict(TableEncoder(**options).fit(table).equalities_.sources)


def test_a_column_that_repeats_two_others_is_found_with_the_more_frequent_first():
    assert found(bills()) == {"paid": ("bill", "last")}
    assert found(bills(), equalities=False) == {}


@pytest.mark.parametrize(
    "table",
    [
        bills().assign(paid=lambda t: np.random.default_rng(1).permutation(t["paid"])),  # equal only by chance
        pd.DataFrame(np.random.default_rng(0).integers(0, 25, (500, 3)), columns=list("abc")),  # few values
        bills().assign(paid=lambda t: np.where(t["paid"] == t["bill"], 0.0, t["paid"]), bill=0.0, last=1.5),  # an atom
    ],
    ids=["chance", "few values", "atom"],
)
def test_what_is_no_repetition_is_left_alone(table):
    assert found(table) == {}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "uint16"])
def test_every_row_comes_back(dtype):
    table = bills().assign(paid=lambda t: t["paid"].round().astype(dtype), bill=lambda t: t["bill"].astype(dtype))
    before = table.copy(deep=True)
    encoder = TableEncoder().fit(table)
    assert list(encoder.equalities_.sources) == ["paid"]
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)
    pd.testing.assert_frame_equal(table, before)


def test_a_value_that_the_column_could_not_hold_is_not_repeated():
    table = bills().assign(paid=lambda t: np.where(t["paid"] == t["last"], t["bill"], t["paid"]).astype(int))
    encoder = TableEncoder().fit(table)
    decoded = pd.DataFrame({"bill": [77.0, 7.5, 10**6, np.nan], "paid": [1, 2, 3, 4]})
    repeated = {"paid": np.array([0, 0, 0, 0])}
    filled = encoder.equalities_.fill(decoded, repeated, lambda name, x: encoder.encoders_[name].can_hold(x))
    assert filled["paid"].tolist() == [77, 2, 3, 4]
    assert filled["paid"].dtype == decoded["paid"].dtype


def test_columns_with_gaps_and_states_keep_them():
    table = bills().assign(paid=lambda t: np.where(t.index % 7 == 0, np.nan, np.where(t.index % 3, t["paid"], 0.0)))
    encoder = TableEncoder().fit(table)
    assert encoder.encoders_["paid"].categories_[0] == ("(number)", "0", "as bill", "as last", "(missing)")
    pd.testing.assert_frame_equal(encoder.inverse_transform(encoder.transform(table)), table)


def test_drawn_rows_repeat_as_often_as_real_ones():
    real = bills(1_000)
    fake = TabularDiffusionSynthesizer(max_epochs=60, random_state=0).fit(real).sample(1_000)
    for source in ("bill", "last"):
        shares = [(t["paid"] == t[source]).mean() for t in (real, fake)]
        assert shares[1] == pytest.approx(shares[0], abs=0.06)


def test_what_is_known_of_a_row_stays():
    synth = TabularDiffusionSynthesizer(max_epochs=5, random_state=0).fit(bills())
    assert (synth.sample(50, conditions={"paid": 8_000})["paid"] == 8_000).all()
    both = synth.sample(50, conditions={"bill": 500, "paid": 500})
    assert (both["paid"] == 500).all() and (both["bill"] == 500).all()
    holes = bills().assign(paid=lambda t: t["paid"].where(t.index % 2 == 0))
    filled = synth.impute(holes)
    assert filled["paid"].notna().all()
    assert filled["paid"][::2].equals(holes["paid"][::2])
