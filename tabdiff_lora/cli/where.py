"""The language of ``--where``: what a column of the rows to be drawn shall hold, in one text.

====================  ===========================================================
``income=>50K``       one value, whatever follows the first ``=``
``age=30..40``        both limits and what is between them; ``30..`` and ``..40`` have one
``city=Oslo|Rome``    one of these values
``debt=missing``      a gap; ``debt=present`` is no gap
``plan="a..b"``       quotation marks, single or double, around a value: as it stands
====================  ===========================================================
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from tabdiff_lora.conditions import Condition
    from tabdiff_lora.table import TableEncoder

MISSING, PRESENT, RANGE = "missing", "present", ".."
QUOTED = re.compile(r""" "[^"]*" | '[^']*' """, re.VERBOSE)
PARTS = re.compile(rf"({QUOTED.pattern} | [^|]*)\|", re.VERBOSE)  # each ends with a bar
TRUTH = {"true": True, "false": False}


def read_conditions(texts: Iterable[str], encoder: TableEncoder) -> dict[Hashable, Condition]:
    """Return the conditions that texts describe, values in the dtypes of the fitted table.

    Parameters
    ----------
    texts : iterable of str
    encoder : TableEncoder
        Of the fitted table.

    Raises
    ------
    ConditionError
        If a text begins with no column of the table, or holds a value that its column cannot hold.
    """
    empty = encoder.decode_frame(*_no_rows(encoder))
    conditions = {}
    for text in texts:
        name = _column(text, encoder.schema_.names)
        conditions[name] = read_condition(text[len(f"{name}=") :], empty[name], encoder.schema_[name].kind)
    return conditions


def read_condition(text: str, column: pd.Series, kind: str) -> Condition:
    """Return the condition that the part behind ``=`` describes.

    Parameters
    ----------
    text : str
    column : Series of shape (0,)
        With name and dtype of the column.
    kind : str
        Of the column.
    """
    from tabdiff_lora.conditions import between, is_missing, is_present, one_of

    if text in (MISSING, PRESENT):
        return is_missing() if text == MISSING else is_present()
    if text in _levels(column):
        return one_of([_value(text, column, kind)])
    parts = PARTS.findall(f"{text}|")
    if len(parts) == 1 and RANGE in text and not QUOTED.fullmatch(text):
        return between(*(_value(part, column, kind) if part else None for part in text.split(RANGE, 1)))
    return one_of([_value(part, column, kind) for part in parts])


def _no_rows(encoder: TableEncoder):
    import numpy as np

    return np.empty((0, encoder.layout_.n_numerical)), np.empty((0, encoder.layout_.n_categorical), dtype=np.int64)


def _column(text: str, names: list[Hashable]) -> Hashable:
    """The column whose name and ``=`` the text begins with, the longest if there are several."""
    from tabdiff_lora.errors import ConditionError

    fitting = [name for name in names if text.startswith(f"{name}=")]
    if not fitting:
        expected = f"COLUMN=VALUE with a column of the table ({', '.join(map(str, names))})"
        raise ConditionError(f"value of --where must be {expected}. Got {text!r} instead.")
    return max(fitting, key=lambda name: len(str(name)))


def _levels(column: pd.Series) -> dict[str, object]:
    """Levels of a category column by their text."""
    return {str(level): level for level in getattr(column.dtype, "categories", ())}


def _value(text: str, column: pd.Series, kind: str):
    """One value in the dtype of its column."""
    from tabdiff_lora.errors import ConditionError

    plain = text[1:-1] if QUOTED.fullmatch(text) else text
    if levels := _levels(column):
        return levels.get(plain, plain)  # an unknown level is refused, with the known ones, when rows are drawn
    expected, read = _reader(column, kind)
    try:
        return read(plain)
    except (ValueError, KeyError, InvalidOperation) as error:
        raise ConditionError(f"value of --where {column.name} must be {expected}. Got {plain!r} instead.") from error


def _reader(column: pd.Series, kind: str):
    """What values of a column are called, and how a text becomes one."""
    import pandas as pd
    from pandas.api import types as dt

    dtype = column.dtype
    if dt.is_bool_dtype(dtype):
        return "true or false", lambda text: TRUTH[text.lower()]
    if dt.is_numeric_dtype(dtype):
        return "a number", _whole_number if dt.is_integer_dtype(dtype) else float
    if dt.is_datetime64_any_dtype(dtype):
        return "a date or time", lambda text: pd.Timestamp(text, tz=getattr(dtype, "tz", None))
    if dt.is_timedelta64_dtype(dtype):
        return "a duration", pd.Timedelta
    if isinstance(dtype, pd.PeriodDtype):
        return "a period", lambda text: pd.Period(text, freq=dtype.freq)
    if kind == "date":
        return "a date", date.fromisoformat
    return ("a number", Decimal) if kind == "numerical" else ("text", str)


def _whole_number(text: str) -> int | float:
    """A number for a column of whole ones; a limit may lie between them."""
    return float(text) if "." in text else int(text)
