"""Archive: a fitted encoder as JSON and arrays, and back, without pickle.

``dump`` walks an object and returns a tree that ``json`` can write and a dict of numerical arrays that safetensors can.
``load`` builds the object again and creates nothing but this room's classes and scikit-learn estimators, so an archive
from a stranger cannot run code.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import importlib
import math
from decimal import Decimal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.table import constraints, encoders
from tabdiff_lora.table.arrangement import Arrangement
from tabdiff_lora.table.containers import Container
from tabdiff_lora.table.encoder import TableEncoder
from tabdiff_lora.table.encoders.categorical import CategoricalEncoder
from tabdiff_lora.table.encoders.grid import Grid
from tabdiff_lora.table.encoders.marginals import AffineMarginal, QuantileMarginal, TransformerMarginal
from tabdiff_lora.table.equalities import Equalities
from tabdiff_lora.table.imputation import RegressionImputer
from tabdiff_lora.table.schema import ColumnSchema, TableSchema

OWN_CLASSES = {
    cls.__name__: cls
    for cls in (
        *(getattr(encoders, name) for name in encoders.__all__ if name.endswith("Encoder")),
        *(getattr(constraints, name) for name in constraints.__all__),
        *(QuantileMarginal, AffineMarginal, TransformerMarginal, Grid),
        *(TableEncoder, RegressionImputer, Arrangement, TableLayout, Container, TableSchema, ColumnSchema),
        Equalities,
    )
}

MICROSECOND = datetime.timedelta(microseconds=1)

SCALARS = {  # tag: type, what JSON can hold of it, and the way back
    "float": (float, str, float),  # nan and the infinities; finite ones are written as they are
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "tuple": (tuple, list, tuple),
    "decimal": (Decimal, str, Decimal),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "duration": (datetime.timedelta, lambda value: value // MICROSECOND, lambda count: count * MICROSECOND),
    "timestamp": (pd.Timestamp, lambda v: [v.isoformat(), v.unit], lambda v: pd.Timestamp(v[0]).as_unit(v[1])),
    "timedelta": (pd.Timedelta, lambda v: [v.value, v.unit], lambda v: pd.Timedelta(v[0], "ns").as_unit(v[1])),
    "period": (pd.Period, lambda v: [v.ordinal, v.freqstr], lambda v: pd.Period(ordinal=v[0], freq=v[1])),
    "interval": (pd.Interval, lambda v: [v.left, v.right, v.closed], lambda v: pd.Interval(*v)),
    "slice": (slice, lambda v: [v.start, v.stop], lambda v: slice(*v)),
}


def dump(thing: object) -> tuple[object, dict[str, np.ndarray]]:
    """Return a tree that ``json.dumps`` takes and the numerical arrays it refers to.

    Raises
    ------
    PersistenceError
        For an object of a foreign class.
    """
    arrays: dict[str, np.ndarray] = {}
    return _write(thing, arrays), arrays


def load(tree: object, arrays: dict[str, np.ndarray]) -> object:
    """Return the object that ``dump`` was given.

    Raises
    ------
    PersistenceError
        For a tree that names a class it may not.
    """
    if isinstance(tree, list):
        return [load(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tag, content = tree["type"], tree["content"]
    if tag == "array":
        return arrays[content]
    content = load(content, arrays)
    if tag in SCALARS:
        return SCALARS[tag][2](content)
    if tag == "dict":
        return dict(content)
    if tag == "objects":
        objects = np.empty(len(content), dtype=object)
        objects[:] = content
        return objects
    if tag == "frame":
        return pd.DataFrame({name: encoder.column(code) for name, encoder, code in content})
    return _build(_class_named(tag), dict(content))


def _write(thing: object, arrays: dict[str, np.ndarray]) -> object:
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or isinstance(thing, (bool, int, str)) or (isinstance(thing, float) and math.isfinite(thing)):
        return thing
    if isinstance(thing, list):
        return [_write(item, arrays) for item in thing]
    for tag, (kind, write, _) in SCALARS.items():
        if type(thing) is kind:
            return {"type": tag, "content": _write(write(thing), arrays)}
    if isinstance(thing, np.ndarray) and thing.dtype != object:
        arrays[str(len(arrays))] = thing
        return {"type": "array", "content": str(len(arrays) - 1)}
    tag, content = _parts(thing)
    return {"type": tag, "content": _write(content, arrays)}


def _parts(thing: object) -> tuple[str, object]:
    """Return the tag of a compound object and what it is made of."""
    if isinstance(thing, np.ndarray):
        return "objects", thing.tolist()
    if isinstance(thing, dict):
        return "dict", list(map(list, thing.items()))
    if isinstance(thing, pd.DataFrame):
        columns = [(name, CategoricalEncoder(max_categories=np.inf).fit(thing[name])) for name in thing]
        return "frame", [[name, encoder, encoder.codes(thing[name])] for name, encoder in columns]
    if type(thing) in OWN_CLASSES.values():
        return type(thing).__name__, list(map(list, _state(thing).items()))
    if isinstance(thing, BaseEstimator) and type(thing).__module__.startswith("sklearn."):
        return f"{type(thing).__module__}.{type(thing).__qualname__}", list(map(list, vars(thing).items()))
    raise PersistenceError(
        f"parts of a saved encoder must be of this library or of scikit-learn. Got {type(thing).__name__} instead. "
        f"Use another encoder or constraint."
    )


def _state(thing: object) -> dict[str, object]:
    if dataclasses.is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    return vars(thing)


def _class_named(tag: str) -> type:
    if tag in OWN_CLASSES:
        return OWN_CLASSES[tag]
    module, _, name = tag.rpartition(".")
    cls = getattr(importlib.import_module(module), name, None) if module.startswith("sklearn.") else None
    if not (isinstance(cls, type) and issubclass(cls, BaseEstimator)):
        raise PersistenceError(
            f"classes of a saved encoder must be this library's or scikit-learn's. Got {tag!r} instead."
        )
    return cls


def _build(cls: type, state: dict[str, object]) -> object:
    if dataclasses.is_dataclass(cls):
        return cls(**state)
    thing = cls.__new__(cls)
    vars(thing).update(state)
    return thing
