"""Archive: objects as JSON and arrays, and back, without pickle.

``dump`` walks an object and returns a tree that ``json`` can write and a dict of numerical arrays that safetensors can.
``load`` builds the object again. It looks classes up in a table and never imports by name: this library's own (all
dataclasses and estimators of the rooms that a fitted synthesizer is made of, so a new one needs no line here), some of
scikit-learn, and those that the caller hands it. A tree from a stranger can name classes, but bring no code.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import importlib
import inspect
import math
import pkgutil
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn.preprocessing
import torch
from sklearn.base import BaseEstimator
from sklearn.compose import make_column_selector
from sklearn.linear_model import LogisticRegression

from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.persistence.foreign import FOREIGN
from tabdiff_lora.structural_zeros import ImpossiblePairs
from tabdiff_lora.table.encoders import CategoricalEncoder

ROOMS = ("backbones", "correction", "diffusion", "sampling", "table")
CUSTOM = "custom "
"""How the tag of a class from outside begins."""

MICROSECOND = datetime.timedelta(microseconds=1)
BUILTIN_TYPES = {kind.__name__: kind for kind in (bool, int, float, complex, str, bytes, object)}


def _zone(stamp: pd.Timestamp) -> str | None:
    return None if stamp.tz is None else str(stamp.tz)


def _timestamp(content: list) -> pd.Timestamp:
    text, unit, zone = content
    stamp = pd.Timestamp(text).as_unit(unit)
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _type_name(kind: type) -> str:
    name = f"numpy.{kind.__name__}" if issubclass(kind, np.generic) else kind.__name__
    if _named_type(name) is not kind:
        raise PersistenceError(f"types in a saved synthesizer must be Python's or numpy's. Got {kind!r} instead.")
    return name


def _named_type(name: str) -> type:
    kind = getattr(np, name.removeprefix("numpy."), None) if name.startswith("numpy.") else BUILTIN_TYPES.get(name)
    if not isinstance(kind, type) or (name.startswith("numpy.") and not issubclass(kind, np.generic)):
        raise PersistenceError(f"types in a saved synthesizer must be Python's or numpy's. Got {name!r} instead.")
    return kind


def _ufunc(name: str) -> np.ufunc:
    function = getattr(np, name, None)
    if not isinstance(function, np.ufunc):
        raise PersistenceError(f"functions in a saved synthesizer must be numpy's ufuncs. Got {name!r} instead.")
    return function


def _random_state(state: dict) -> np.random.RandomState:
    random_state = np.random.RandomState()
    random_state.set_state(state)
    return random_state


SCALARS = {  # tag: type, what JSON can hold of it, and the way back
    "float": (float, str, float),  # nan and the infinities; finite ones are written as they are
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
    "tuple": (tuple, list, tuple),
    "decimal": (Decimal, str, Decimal),
    "date": (datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "duration": (datetime.timedelta, lambda value: value // MICROSECOND, lambda count: count * MICROSECOND),
    "timestamp": (
        pd.Timestamp,
        lambda v: [(v if v.tz is None else v.tz_convert("UTC").tz_localize(None)).isoformat(), v.unit, _zone(v)],
        _timestamp,
    ),
    "timedelta": (pd.Timedelta, lambda v: [v.value, v.unit], lambda v: pd.Timedelta(v[0], "ns").as_unit(v[1])),
    "period": (pd.Period, lambda v: [v.ordinal, v.freqstr], lambda v: pd.Period(ordinal=v[0], freq=v[1])),
    "interval": (pd.Interval, lambda v: [v.left, v.right, v.closed], lambda v: pd.Interval(*v)),
    "slice": (slice, lambda v: [v.start, v.stop], lambda v: slice(*v)),
    "path": (type(Path()), str, Path),
    "device": (torch.device, str, torch.device),
    "tensor": (torch.Tensor, lambda v: v.detach().cpu().numpy(), lambda v: torch.from_numpy(v.copy("K"))),
    "type": (type, _type_name, _named_type),
    "ufunc": (np.ufunc, lambda v: v.__name__, _ufunc),
    "random state": (np.random.RandomState, lambda v: v.get_state(legacy=False), _random_state),
    "seeds": (
        np.random.SeedSequence,
        lambda v: [v.entropy, tuple(v.spawn_key)],
        lambda v: np.random.SeedSequence(v[0], spawn_key=v[1]),
    ),
}


@cache
def own_classes() -> dict[str, type]:
    """What ``load`` may build of this library and of scikit-learn, by tag."""
    known: dict[str, type] = {"TableLayout": TableLayout, "ImpossiblePairs": ImpossiblePairs}
    for room in ROOMS:
        package = importlib.import_module(f"tabdiff_lora.{room}")
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for thing in vars(importlib.import_module(info.name)).values():
                if isinstance(thing, type) and thing.__module__ == info.name and _has_state(thing):
                    known[thing.__name__] = thing
    for name in sklearn.preprocessing.__all__:
        thing = getattr(sklearn.preprocessing, name)
        if isinstance(thing, type):
            known[f"sklearn.preprocessing.{name}"] = thing
    known["sklearn.linear_model.LogisticRegression"] = LogisticRegression
    known["sklearn.compose.make_column_selector"] = make_column_selector
    return known


def dump(thing: object) -> tuple[object, dict[str, np.ndarray]]:
    """Return a tree that ``json.dumps`` takes and the numerical arrays it refers to.

    Raises
    ------
    PersistenceError
        For a function, a module or anything else that is neither a plain value, nor a dataclass or an estimator.
    """
    arrays: dict[str, np.ndarray] = {}
    return _write(thing, arrays), arrays


def load(tree: object, arrays: dict[str, np.ndarray], classes: Iterable[type] = ()) -> object:
    """Return the object that ``dump`` was given.

    Parameters
    ----------
    tree : what ``dump`` returned
    arrays : dict of str to ndarray
    classes : iterable of classes from outside that the tree may name

    Raises
    ------
    PersistenceError
        For a tree that names a class it may not.
    """
    return _read(tree, arrays, {f"{CUSTOM}{cls.__name__}": cls for cls in classes})


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
    if isinstance(thing, np.ndarray) and thing.dtype.kind in "fiub":
        if thing.flags.fnc:  # column by column in memory: products with it round differently
            return {"type": "transposed", "content": _write(thing.T, arrays)}
        arrays[str(len(arrays))] = thing
        return {"type": "array", "content": str(len(arrays) - 1)}
    for tag, (is_one, write, _) in FOREIGN.items():
        if is_one(thing):
            return {"type": tag, "content": _write(write(thing), arrays)}
    tag, content = _parts(thing)
    if isinstance(content, dict):  # of attributes
        return {"type": tag, "content": {name: _write(value, arrays) for name, value in content.items()}}
    return {"type": tag, "content": _write(content, arrays)}


def _parts(thing: object) -> tuple[str, object]:
    """Return the tag of a compound object and what it is made of."""
    if isinstance(thing, np.ndarray):
        return "objects", thing.tolist()
    if isinstance(thing, dict):
        are_texts = all(isinstance(key, str) for key in thing)
        return ("dict", thing) if are_texts else ("items", list(map(list, thing.items())))
    if isinstance(thing, pd.DataFrame):
        columns = [(name, CategoricalEncoder(max_categories=np.inf).fit(thing[name])) for name in thing]
        return "frame", [[name, encoder, encoder.codes(thing[name])] for name, encoder in columns]
    cls = type(thing)
    tag = next((tag for tag, known in own_classes().items() if known is cls), f"{CUSTOM}{cls.__name__}")
    if tag.startswith(CUSTOM) and not _has_state(cls):
        raise PersistenceError(
            f"parts of a saved synthesizer must be plain values, dataclasses or estimators (sklearn's BaseEstimator). "
            f"Got {thing!r} instead. Pass labels instead of a function, or make your class an estimator."
        )
    return tag, _state(thing)


def _has_state(cls: type) -> bool:
    return dataclasses.is_dataclass(cls) or issubclass(cls, BaseEstimator)


def _state(thing: object) -> dict[str, object]:
    if dataclasses.is_dataclass(thing):
        return {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    return vars(thing)


def _read(tree: object, arrays: dict[str, np.ndarray], custom: dict[str, type]) -> object:
    if isinstance(tree, list):
        return [_read(item, arrays, custom) for item in tree]
    if not isinstance(tree, dict):
        return tree
    tag, content = tree["type"], tree["content"]
    if tag == "array":
        return arrays[content]
    if tag in SCALARS:
        return SCALARS[tag][2](_read(content, arrays, custom))
    if tag in FOREIGN:
        return FOREIGN[tag][2](_read(content, arrays, custom))
    if tag in COMPOUNDS:
        return COMPOUNDS[tag](_read(content, arrays, custom))
    attributes = {name: _read(value, arrays, custom) for name, value in content.items()}
    return attributes if tag == "dict" else _build(_class_named(tag, custom), attributes)


def _objects(items: list) -> np.ndarray:
    objects = np.empty(len(items), dtype=object)
    objects[:] = items
    return objects


def _frame(columns: list) -> pd.DataFrame:
    return pd.DataFrame({name: encoder.column(code) for name, encoder, code in columns})


COMPOUNDS = {"transposed": np.transpose, "items": dict, "objects": _objects, "frame": _frame}


def _class_named(tag: str, custom: dict[str, type]) -> type:
    cls = own_classes().get(tag) or custom.get(tag)
    if cls is None:
        name = tag.removeprefix(CUSTOM)
        cure = f"classes=[{name}]" if tag.startswith(CUSTOM) and name.isidentifier() else "classes="
        raise PersistenceError(
            f"classes of a saved synthesizer must be this library's, scikit-learn's preprocessing or yours. "
            f"Got {name!r} instead. If you trust it, import it and pass from_pretrained(..., {cure})."
        )
    return cls


def _build(cls: type, state: dict[str, object]) -> object:
    if dataclasses.is_dataclass(cls):
        return cls(**state)
    thing = cls.__new__(cls)
    upgraded = getattr(cls, "_upgraded", dict)  # a class may know how it was saved earlier
    vars(thing).update(upgraded(state))
    for parameter in inspect.signature(cls).parameters.values():  # one that is younger than the folder has its default
        if parameter.default is not parameter.empty:
            vars(thing).setdefault(parameter.name, parameter.default)
    return thing
