"""evaluate() judges any two frames: what cannot be computed is a row with its reason, never an exception or silence."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation import AugmentationGain, Detection, Efficacy, GlobalUtility, evaluate, explore
from tabdiff_lora.evaluation.runner import ALL_METRICS

QUICK = {"iterations": 4, "learning_rate": 0.3, "depth": 2}
CHEAP = {
    "detection": Detection(n_folds=2),
    "efficacy": Efficacy(model=QUICK, n_resamples=3),
    "augmentation": AugmentationGain(model=QUICK, n_seeds=1, n_resamples=3),
    "global_utility": GlobalUtility(model=QUICK, n_resamples=3),
}
METRICS = [CHEAP.get(kind.name, kind.name) for kind in ALL_METRICS]
FAST = [metric for metric in METRICS if metric is not CHEAP["augmentation"] and metric is not CHEAP["global_utility"]]


def plain(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    label = np.where(x + rng.normal(size=n) > 0, "yes", "no")
    return pd.DataFrame({"x": x, "y": x + rng.normal(size=n), "c": np.where(x > 0, "up", "down"), "label": label})


def odd(n, seed):
    """Return columns of every kind that pandas lets one make."""
    i = np.arange(n)
    return plain(n, seed).assign(
        sparse=pd.arrays.SparseArray(np.where(i % 5 == 0, 1.5, 0.0)),
        sparse_flag=pd.arrays.SparseArray(i % 7 == 0),
        null=np.nan,
        null_object=None,
        null_integer=pd.array([None] * n, dtype="Int64"),
        null_date=pd.to_datetime([None] * n),
        constant=3,
        constant_text="always",
        day=pd.date_range("2020", periods=n),
        zoned=pd.date_range("2020", periods=n, tz="Europe/Oslo"),
        last_day=datetime.date(9999, 12, 31),
        hour=[datetime.time(k % 24) for k in i],
        span=pd.to_timedelta(i, unit="h"),
        month=pd.period_range("2000-01", periods=n, freq="M"),
        flag=i % 2 == 0,
        maybe=pd.array([True, None] * (n // 2), dtype="boolean"),
        nested=[[1, 2]] * n,
        record=[{"a": k % 3} for k in i],
        array=[np.arange(2)] * n,
        complex=i + 1j,
        bytes=[b"a", b"b"] * (n // 2),
        interval=pd.cut(i, [-1, 5, n]),
        many=[f"{seed}-{k}" for k in i],
        money=[Decimal(int(k)) / 4 for k in i],
        no_money=[Decimal("NaN")] * n,
        huge=1e300 * np.cos(i),
        tiny=1e-310 * np.cos(i),
        beyond=[2**70 + int(k) for k in i],
    )


def judged(real, synthetic, holdout, metrics=METRICS):
    """Return the scores as a frame, after asking that every score has a value and all beside it, or a reason."""
    report = evaluate(real, synthetic, holdout=holdout, target="label", metrics=metrics, n_jobs=1)
    assert report.to_json()
    frame = report.to_frame()
    told = frame[frame["value"].notna()]
    assert (frame.loc[frame["value"].isna(), "reason"] != "").all()
    assert told[["low", "high"]].notna().all(axis=None)
    assert told.loc[told["reason"] == "", ["ceiling", "floor"]].notna().all(axis=None)
    return report, frame


@pytest.mark.filterwarnings("error")
def test_columns_of_every_kind():
    report, frame = judged(*(odd(60, seed) for seed in range(3)))
    assert report.to_html()
    assert frame.index[frame["value"].isna()].tolist() == ["membership_auc", "membership_tpr"]  # too few held-out rows


def test_explore_columns_of_every_kind():
    summary = explore(odd(40, 0), "label").summary
    assert summary.loc["last_day", "high"] == pd.Timestamp("9999-12-31")
    assert summary.loc["span", "high"] == pd.Timedelta(hours=39)
    assert summary.loc["nested", "most_frequent"] == "[1, 2]"
    assert summary.loc["many", "distinct"] == 40


SYNTHETIC = {
    "same": (lambda df: df, None),
    "other order": (lambda df: df[["label", "c", "y", "x"]], None),
    "duplicated index": (lambda df: df.set_index(np.zeros(len(df), int)), None),
    "one row": (lambda df: df.head(1), None),
    "unseen categories": (lambda df: df.assign(c="new"), None),
    "unseen classes": (lambda df: df.assign(label="perhaps"), None),
    "gaps where real has none": (lambda df: df.assign(x=np.nan, c=None), None),
    "column absent": (lambda df: df.drop(columns="y"), "Column 'y' of synthetic is absent"),
    "target absent": (lambda df: df.drop(columns="label"), "Column 'label' of synthetic is absent"),
    "further column": (lambda df: df.assign(z=1), "Synthetic has a column 'z' that real has not"),
    "text for numbers": (lambda df: df.assign(y="a"), "Column 'y' of synthetic must hold numbers"),
    "infinite": (lambda df: df.assign(y=np.inf), "Column 'y' of synthetic must be finite. Got 60 infinite"),
}


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_tables_of_every_kind(name):
    change, told = SYNTHETIC[name]
    report, _ = judged(plain(60, 0), change(plain(60, 1)), plain(60, 2), FAST)
    first = report.summary()[0]
    assert (first.question == "Are the columns the right ones?") == (told is not None)
    if told is not None:
        assert first.status == "poor"
        assert first.text.startswith(told)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_tables_with_few_rows(n):
    _, frame = judged(plain(n, 0), plain(n, 1), plain(n, 2))
    assert frame.loc["detection_auc", "reason"] == f"at least 50 rows of each table are needed, there are {n}"


def test_what_is_missing_costs_as_much_as_what_is_absent():
    real, holdout, fake = (plain(80, seed) for seed in range(3))
    absent, missing = (
        evaluate(real, table, holdout=holdout, metrics=["margins", "trend", "coverage"], n_jobs=1)
        for table in (fake.drop(columns="y"), fake.assign(y=np.nan))
    )
    assert absent.scores == missing.scores
    assert absent["shape_error"].value > 0.25  # one column of four is entirely wrong


def test_dtypes_of_one_column_may_differ():
    real, holdout, fake = (
        plain(80, seed).assign(n=lambda df: df["x"].round().astype(int), flag=lambda df: df["x"] > 0)
        for seed in range(3)
    )
    real["class"], holdout["class"] = (pd.Categorical(df["x"].round()) for df in (real, holdout))
    fake["class"] = fake["x"].round()
    forms = [
        fake,
        fake.astype({"n": "float64", "flag": "int64", "x": "float64", "class": "Int64"}),
        fake.astype({"n": "Int64", "flag": "float32"}).convert_dtypes(),
        fake.astype({"n": object, "flag": object, "class": object}),
    ]
    reports = [evaluate(real, form, holdout=holdout, metrics=["margins", "validity"], n_jobs=1) for form in forms]
    assert all(report.scores == reports[0].scores for report in reports)
    assert reports[0]["unseen_categories"].value < 0.05


def test_real_rows_that_do_not_agree_are_refused():
    real = plain(60, 0)
    with pytest.raises(SchemaError, match="column 'x' of holdout is absent; column 'y' of holdout must hold numbers"):
        evaluate(real, real, holdout=real.drop(columns="x").assign(y="text"))
    with pytest.raises(SchemaError, match="synthetic must hold at least one table"):
        evaluate(real, [])
