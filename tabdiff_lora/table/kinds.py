"""The kinds of column: how each is recognised, what its values must be, and which encoder holds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types as dt

from tabdiff_lora.table.problem import Phrase, Problem

KEY_NAME = re.compile(r"(?:(?i:(?:^|[\W_])(?:id|uuid|guid|key))|[a-z](?:Id|ID|UUID|Key))$")
MIN_KEY_ROWS = 20  # fewer distinct values say nothing about uniqueness
TEXT_SHARE = 0.9  # share of distinct values from which strings are text rather than labels


@dataclass(frozen=True)
class Kind:
    """What a column may be.

    Parameters
    ----------
    values : str
        What its values are, as it reads after "must be".
    encoder : str
        Class name of its encoder.
    holds : frozenset of str
        The sorts of value (see ``sort_of``) that it accepts.
    """

    values: str
    encoder: str
    holds: frozenset[str]


ANYTHING = frozenset({"number", "boolean", "string", "level", "datetime", "timedelta", "period", "date", "object"})

KINDS = {
    "numerical": Kind("numbers", "NumericalEncoder", frozenset({"number", "boolean"})),
    "boolean": Kind("True or False", "BooleanEncoder", frozenset({"boolean"})),
    "categorical": Kind("labels", "CategoricalEncoder", ANYTHING),
    "ordinal": Kind("labels", "OrdinalEncoder", ANYTHING),
    "datetime": Kind("datetimes", "DatetimeEncoder", frozenset({"datetime"})),
    "date": Kind("dates", "DateEncoder", frozenset({"date"})),
    "timedelta": Kind("durations", "TimedeltaEncoder", frozenset({"timedelta"})),
    "period": Kind("periods", "PeriodEncoder", frozenset({"period"})),
    "key": Kind("whole numbers or text", "KeyEncoder", frozenset({"number", "string"})),
    "text": Kind("text", "KeyEncoder", frozenset({"string"})),
    "constant": Kind("one value", "ConstantEncoder", ANYTHING),
}

_OBJECTS = {
    "string": "string", "boolean": "boolean", "integer": "number", "floating": "number", "decimal": "number",
    "mixed-integer-float": "number", "date": "date", "datetime": "datetime", "datetime64": "datetime",
    "timedelta": "timedelta", "timedelta64": "timedelta", "period": "period", "empty": "object",
}  # fmt: skip

_DTYPES: tuple[tuple[Callable[[object], bool], str], ...] = (
    (lambda dtype: isinstance(dtype, pd.CategoricalDtype), "level"),
    (lambda dtype: isinstance(dtype, pd.PeriodDtype), "period"),
    (lambda dtype: str(dtype).startswith("date32"), "date"),
    (lambda dtype: str(dtype).startswith("decimal"), "number"),
    (lambda dtype: isinstance(dtype, pd.StringDtype) or "string" in str(dtype), "string"),
    (dt.is_bool_dtype, "boolean"),
    (dt.is_complex_dtype, "complex"),
    (dt.is_numeric_dtype, "number"),
    (dt.is_datetime64_any_dtype, "datetime"),
    (lambda dtype: dtype.kind == "m", "timedelta"),
)


def sort_of(column: pd.Series) -> str:
    """Return the sort of value a column holds, by dtype first and by its values where the dtype is ``object``."""
    for matches, sort in _DTYPES:
        if matches(column.dtype):
            return sort
    if column.dtype == object:
        return _OBJECTS.get(pd.api.types.infer_dtype(column, skipna=True), "object")
    return "object"


def recognise(column: pd.Series) -> tuple[str, str]:
    """Return the kind of a column and the reason, one phrase."""
    present = column.dropna()
    if present.empty:
        return "constant", "no value at all"
    sort = sort_of(column)
    if sort == "object":
        return "categorical", "objects"
    if len(present) == len(column) and present.head(1000).nunique() == 1 == present.nunique():
        return "constant", "one value everywhere"
    if sort in {"boolean", "datetime", "date", "timedelta", "period"}:
        return sort, f"dtype {column.dtype}" if column.dtype.kind != "O" else f"{sort} objects"
    if sort == "number":
        return _kind_of_numbers(present)
    if sort == "level":
        return ("ordinal", "an ordered category") if column.cat.ordered else ("categorical", "dtype category")
    return _kind_of_strings(present)


def _kind_of_numbers(present: pd.Series) -> tuple[str, str]:
    if dt.is_integer_dtype(present.dtype) and len(present) >= MIN_KEY_ROWS and present.is_unique:
        if KEY_NAME.search(str(present.name)):
            return "key", "all distinct, and named like one"
        if int(present.max()) - int(present.min()) == len(present) - 1:
            return "key", "all distinct and consecutive"
    return "numerical", f"dtype {present.dtype}"


def _kind_of_strings(present: pd.Series) -> tuple[str, str]:
    n, n_distinct = len(present), present.nunique()
    if n >= MIN_KEY_ROWS and n_distinct > TEXT_SHARE * n:
        if n_distinct == n and not present.str.contains(r"\s").any():
            return "key", "all distinct"
        return "text", f"{n_distinct} distinct texts in {n} rows"
    return "categorical", f"{n_distinct} distinct labels"


def problem_with(column: pd.Series, kind: str) -> Problem | None:
    """Return what keeps a column from being of this kind, or None."""
    sort = sort_of(column)
    if sort == "complex":
        cure = "Complex data not supported: split it into a real and an imaginary column."
        return Problem(column.name, "real numbers", column.iloc[0], 0, cure)
    if sort == "object" and column.notna().any():
        return _mixture(column)
    if sort not in KINDS[kind].holds:
        row = _first_misfit(column, kind)
        if row is not None:
            cure = f"Convert the column, or declare it with types={{{column.name!r}: ...}}."
            return Problem(column.name, KINDS[kind].values, column.iloc[row], row, cure)
    if sort == "number" and kind == "numerical" and column.dtype.kind not in "iu":
        infinite = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
        if infinite.any():
            row = int(infinite.argmax())
            return Problem(column.name, "finite", column.iloc[row], row, "Replace it by a missing value or by a cap.")
    return None


def _mixture(column: pd.Series) -> Problem | None:
    """Name the first value whose type differs from the first one's."""
    present = column.notna().to_numpy()
    kinds = column.map(type).to_numpy()
    first = int(present.argmax())
    others = np.flatnonzero(present & (kinds != kinds[first]))
    if not len(others):
        expected = "of a type this library knows"
        got = Phrase(f"{column.iloc[first]!r} of type {kinds[first].__name__}")
        return Problem(column.name, expected, got, first, "Convert the column to text.")
    row = int(others[0])
    expected = f"of one type ({kinds[first].__name__}, as in row {first})"
    return Problem(column.name, expected, column.iloc[row], row, "Convert the column to numbers or to text.")


def _first_misfit(column: pd.Series, kind: str) -> int | None:
    """Return the position of the first value that this kind cannot hold, or None if all are missing."""
    present = column.notna().to_numpy()
    if kind == "numerical" and not isinstance(column.dtype, pd.CategoricalDtype):
        readable = pd.to_numeric(column.astype(object), errors="coerce").notna().to_numpy()
        if (present & ~readable).any():
            present = present & ~readable
    return int(present.argmax()) if present.any() else None
