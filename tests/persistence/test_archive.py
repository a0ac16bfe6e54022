"""An encoder comes back from JSON and arrays, and does what it did."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import PowerTransformer

from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.persistence.archive import dump, load
from tabdiff_lora.table import FixedCombinations, Inequality, Range, TableEncoder, Unique
from tests.tables import every_kind, mixed_table


def reloaded(encoder):
    tree, arrays = dump(encoder)
    assert all(array.dtype.kind in "fiub" for array in arrays.values())
    return load(json.loads(json.dumps(tree, allow_nan=False)), arrays)


@pytest.mark.parametrize(
    ("encoder", "table"),
    [
        (TableEncoder(), every_kind()),
        (TableEncoder(atoms="all"), every_kind()),
        (TableEncoder(types=dict.fromkeys(every_kind(), "categorical")), every_kind()),
        (TableEncoder(missing="regression"), every_kind()),
        (TableEncoder([("power", PowerTransformer(), ["income"])]), mixed_table()),
        (TableEncoder(), mixed_table().assign(band=lambda t: pd.cut(t["age"], 3))),
        (TableEncoder(), np.arange(12.0).reshape(6, 2)),
        (
            TableEncoder(
                constraints=[Inequality("price", "high"), FixedCombinations(["str", "day"]), Range("int", -9)]
            ),
            every_kind().assign(high=lambda t: t["price"].fillna(0) + 1),
        ),
        (TableEncoder(constraints=[Unique(["key"])]), mixed_table().assign(key=lambda t: [f"k{i}" for i in t.index])),
    ],
    ids=["all kinds", "states", "levels", "regression", "scikit-learn", "intervals", "array", "constraints", "key"],
)
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


def test_foreign_classes_are_neither_written_nor_built():
    class Foreign:
        pass

    with pytest.raises(PersistenceError, match=r"must be plain values, dataclasses or estimators"):
        dump({"x": Foreign()})
    for name in ("os.system", "subprocess.Popen", "sklearn.base.clone", "builtins.eval"):
        with pytest.raises(PersistenceError, match="must be this library's, scikit-learn's"):
            load({"type": name, "content": []}, {})
