"""Objects come back from JSON and arrays, and do what they did; foreign classes and code do not."""

from __future__ import annotations

import datetime
import importlib
import json
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector
from sklearn.preprocessing import FunctionTransformer, PowerTransformer, QuantileTransformer

from tabdiff_lora.diffusion import GaussianPrior
from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.persistence.archive import ROOMS, dump, load, own_classes
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.table import FixedCombinations, Inequality, Range, TableEncoder, Unique
from tests.tables import every_kind, mixed_table


def reloaded(thing, classes=()):
    tree, arrays = dump(thing)
    assert all(array.dtype.kind in "fiub" for array in arrays.values())
    return load(json.loads(json.dumps(tree, allow_nan=False)), arrays, classes)


@pytest.mark.parametrize(
    ("encoder", "table"),
    [
        (TableEncoder(), every_kind()),
        (TableEncoder(atoms="all"), every_kind()),
        (TableEncoder(types=dict.fromkeys(every_kind(), "categorical")), every_kind()),
        (TableEncoder(missing="regression"), every_kind()),
        (TableEncoder([("power", PowerTransformer(), ["income"])]), mixed_table(60)),
        (
            TableEncoder([("rank", QuantileTransformer(n_quantiles=9), make_column_selector(dtype_include=float))]),
            mixed_table(60),
        ),
        (TableEncoder([("log", FunctionTransformer(np.log1p, np.expm1), ["income"])]), mixed_table(60)),
        (TableEncoder(), mixed_table(60).assign(band=lambda t: pd.cut(t["age"], 3))),
        (TableEncoder(), np.arange(12.0).reshape(6, 2)),
        (
            TableEncoder(
                constraints=[Inequality("price", "high"), FixedCombinations(["str", "day"]), Range("int", -9)]
            ),
            every_kind().assign(high=lambda t: t["price"].fillna(0) + 1),
        ),
        (TableEncoder(constraints=[Unique(["key"])]), mixed_table(60).assign(key=lambda t: [f"k{i}" for i in t.index])),
    ],
    ids=[
        "all kinds", "states", "levels", "regression", "scikit-learn", "selector", "ufunc", "intervals", "array",
        "constraints", "key",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:column .* is taken for a")
def test_a_reloaded_encoder_does_the_same(encoder, table):
    encoder.fit(table)
    copy = reloaded(encoder)
    flat = encoder.transform(table)
    np.testing.assert_array_equal(copy.transform(table), flat)
    before, after = encoder.inverse_transform(flat), copy.inverse_transform(flat)
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(after, before)
    else:
        np.testing.assert_array_equal(after, before)
    assert copy.get_params().keys() == encoder.get_params().keys()
    assert copy.schema_ == encoder.schema_
    assert copy.layout_ == encoder.layout_


def test_a_polars_encoder_comes_back():
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"x": [1.5, None], "c": pl.Series(["a", "b"], dtype=pl.Categorical)})
    encoder = TableEncoder().fit(table)
    assert reloaded(encoder).inverse_transform(encoder.transform(table)).equals(table)


@pytest.mark.parametrize(
    "value",
    [
        {"type": "array", "content": "0"},  # a dictionary that looks like a mark
        {1: "a", (2, "b"): None, "type": {}},
        [float("inf"), -0.0, 10**30, True, "\ud800".encode("utf-8", "surrogatepass")],
        (pd.Timestamp("2024-07-01 12:00", tz="Europe/Oslo"), pd.Timestamp("3000-01-01"), pd.Timedelta("3s")),
        (datetime.date(2024, 2, 29), datetime.timedelta(days=-1), pd.Period("2024", "M"), pd.Interval(0, 1)),
        [float, str, np.number, np.float32, np.log1p, Path("a/b"), torch.device("cuda", 1), slice(1, None)],
    ],
)
def test_values_come_back_as_they_were(value):
    assert reloaded(value) == value


def test_a_time_zone_keeps_its_name_and_a_time_its_unit():
    stamp = reloaded(pd.Timestamp("2024-07-01", tz="Europe/Oslo").as_unit("s"))
    assert str(stamp.tz) == "Europe/Oslo" and stamp.unit == "s"


def test_arrays_and_tensors_keep_their_order_in_memory():
    """Products with a transposed matrix are rounded otherwise, and rows would differ in the last digit."""
    array, tensor = np.arange(6.0).reshape(2, 3), torch.arange(6.0).reshape(2, 3)
    for thing in (array, array.T, tensor, tensor.T):
        copy = reloaded(thing)
        assert (copy == thing).all()
        assert np.asarray(copy).strides == np.asarray(thing).strides


def test_random_streams_go_on_where_they_were():
    state, seeds = np.random.RandomState(3), np.random.SeedSequence(5, spawn_key=(1, 2))
    state.rand(5)
    assert reloaded(state).rand() == state.rand()
    assert reloaded(seeds).generate_state(3).tolist() == seeds.generate_state(3).tolist()


def test_a_prior_comes_back_without_a_line_of_its_own():
    prior = GaussianPrior.fit(np.random.default_rng(0).normal(size=(50, 3)))
    copy = reloaded(prior)
    assert torch.equal(copy.mean, prior.mean) and torch.equal(copy.covariance.matrix(), prior.covariance.matrix())


def test_no_two_classes_of_the_rooms_share_a_name():
    names = []
    for room in ROOMS:
        package = importlib.import_module(f"tabdiff_lora.{room}")
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            things = vars(importlib.import_module(info.name)).values()
            names += [t.__name__ for t in things if isinstance(t, type) and t.__module__ == info.name]
    known = [name for name in names if name in own_classes()]
    assert len(known) == len(set(known)) > 40


class Shift(BaseEstimator):
    """A user's class."""

    def __init__(self, by=1):
        self.by = by


def test_a_class_of_the_user_needs_to_be_handed_over():
    assert reloaded(Shift(3), [Shift]).by == 3
    cure = r"Got 'Shift' instead\. If you trust it, import it and pass from_pretrained\(\.\.\., classes=\[Shift\]\)"
    with pytest.raises(PersistenceError, match=cure):
        reloaded(Shift(3))


class Opaque:
    """Neither estimator nor dataclass."""


@pytest.mark.parametrize("thing", [Opaque(), lambda frame: frame, print, json, pd.Series([1])])
def test_what_is_no_value_is_not_written(thing):
    with pytest.raises(
        PersistenceError, match=r"(?s)must be plain values, dataclasses or estimators .* Got .* Pass labels"
    ):
        dump({"x": thing})


def test_a_type_of_the_user_is_not_written():
    with pytest.raises(PersistenceError, match="types in a saved synthesizer must be Python's or numpy's. Got"):
        dump(Opaque)


@pytest.mark.parametrize(
    "tag",
    ["os.system", "subprocess.Popen", "sklearn.base.clone", "builtins.eval", "sklearn.pipeline.Pipeline", "Opaque"],
)
def test_other_classes_are_not_built(tag):
    with pytest.raises(PersistenceError, match="must be this library's, scikit-learn's preprocessing or yours"):
        load({"type": tag, "content": {}}, {})


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ({"type": "type", "content": "numpy.memmap"}, "types in a saved synthesizer must be"),
        ({"type": "type", "content": "eval"}, "types in a saved synthesizer must be"),
        ({"type": "ufunc", "content": "save"}, "functions in a saved synthesizer must be numpy's ufuncs. Got 'save'"),
        (
            {"type": "peft", "content": {"type": "dict", "content": {"megatron_core": "os"}}},
            "must not ask for Megatron",
        ),
    ],
)
def test_names_lead_to_nothing_but_types_and_ufuncs(tree, message):
    with pytest.raises(PersistenceError, match=message):
        load(tree, {})


def test_a_parameter_that_is_younger_than_the_folder_has_its_default():
    tree, arrays = dump(DPMSolverSampler(7))
    del tree["content"]["rake"]
    assert load(tree, arrays).get_params() == DPMSolverSampler(7).get_params()
