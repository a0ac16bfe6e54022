"""Impossible pairs: the share of rows that hold one, and which."""

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.evaluation import evaluate


def frame(n_rows=2_000, seed=0):
    """Nobody in Germany has a balance of zero, and no child has a licence."""
    rng = np.random.default_rng(seed)
    country, balance = (
        rng.choice(["DE", "FR"], n_rows),
        np.where(rng.random(n_rows) < 0.5, 0.0, rng.normal(9, 1, n_rows)),
    )
    balance = np.where((country == "DE") & (balance == 0.0), 7.25, balance)
    age = rng.integers(10, 30, n_rows).astype(float)
    licence = np.where(age < 18, "no", rng.choice(["no", "yes"], n_rows))
    return pd.DataFrame({"country": country, "balance": balance, "age": age, "licence": licence})


def test_share_and_names_of_the_pairs():
    real, held_out, drawn = frame(), frame(seed=1), frame(seed=2)
    drawn.loc[:99, ["country", "balance"]] = "DE", 0.0
    drawn.loc[50:199, ["age", "licence"]] = 12.0, "yes"
    report = evaluate(real, drawn, holdout=held_out, metrics=["validity"])
    score = report["impossible_pairs"]
    assert score.value == pytest.approx(0.1) and score.ceiling == 0.0 and score.floor > 0.3
    assert score.interval[0] < 0.1 < score.interval[1]
    pairs = report.details["validity.pairs"].set_index(["first", "second"])["rows"]
    assert pairs["age = 12", "licence = yes"] == 150 and pairs["balance = 0", "country = DE"] == 100
    assert pairs.is_monotonic_decreasing
    (values,) = (finding for finding in report.summary() if finding.question == "Are the values possible ones?")
    assert values.status == "poor"
    assert values.text == (
        "10.0% of the rows hold two values that never stand together (real rows 0.0%), most often age = 12 with "
        "licence = yes, balance = 0 with country = DE."
    )


def test_missing_and_other_numbers_are_values():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=500), "kind": rng.choice(["a", "b"], 500)})
    real.loc[real["kind"] == "a", "x"] = np.nan
    drawn = real.assign(kind="a")
    report = evaluate(real, drawn, metrics=["validity"])
    assert report["impossible_pairs"].value == pytest.approx((real["kind"] == "b").mean())
    assert report.details["validity.pairs"].iloc[0].tolist()[:2] == ["x = another value", "kind = a"]


def test_where_everything_goes_together_nothing_is_impossible():
    rng = np.random.default_rng(0)
    real = pd.DataFrame({"x": rng.normal(size=200), "kind": rng.choice(["a", "b"], 200)})
    report = evaluate(real, real, metrics=["validity"])
    assert report["impossible_pairs"].value == 0.0 and report.details["validity.pairs"].empty
