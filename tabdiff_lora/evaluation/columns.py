"""DataFrames as two arrays, numbers and category codes, read the same way for every table of one evaluation.

Kinds come from the real table alone: booleans, text and categories are categorical; numbers, also integers with few
values, are numerical; dates and durations are numerical too, in seconds. Columns are taken in the order of their names
and rows in lexicographic order of their values, so that permuting either changes no score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import narwhals as nw
import numpy as np
import pandas as pd
from pandas.api import types

from tabdiff_lora.errors import SchemaError


@dataclass(frozen=True)
class Arrays:
    """A table as arrays.

    Attributes
    ----------
    num : ndarray of shape (n, D), float64
        NaN is a missing value.
    cat : ndarray of shape (n, C), int64
        Codes of ``categories[j]``; ``len(categories[j])`` is a missing value and one more is a value the real table
        never shows.
    num_names, cat_names : tuple of str
    categories : tuple of tuple of str
    """

    num: np.ndarray
    cat: np.ndarray
    num_names: tuple[str, ...]
    cat_names: tuple[str, ...]
    categories: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.num)

    @property
    def names(self) -> tuple[str, ...]:
        """All column names, numerical ones first."""
        return self.num_names + self.cat_names

    @property
    def sizes(self) -> np.ndarray:
        """Number of codes per categorical column, "missing" and "unseen" included."""
        return np.array([len(levels) + 2 for levels in self.categories], dtype=np.int64)

    def is_numerical(self, name: str) -> bool:
        """Whether the column is numerical."""
        return name in self.num_names

    def column(self, name: str) -> np.ndarray:
        """Return one column, of shape (n,): floats if it is numerical, codes if it is categorical."""
        if name in self.num_names:
            return self.num[:, self.num_names.index(name)]
        return self.cat[:, self.cat_names.index(name)]

    def labels(self, name: str) -> list[str]:
        """Names of a categorical column's codes."""
        return [*self.categories[self.cat_names.index(name)], "(missing)", "(unseen)"]

    def take(self, rows: np.ndarray) -> Arrays:
        """Return the given rows."""
        return Arrays(self.num[rows], self.cat[rows], self.num_names, self.cat_names, self.categories)

    def keep(self, names: Iterable[str]) -> Arrays:
        """Return the given columns."""
        names = set(names)
        num = [j for j, name in enumerate(self.num_names) if name in names]
        cat = [j for j, name in enumerate(self.cat_names) if name in names]
        picked = [tuple(of[j] for j in cat) for of in (self.cat_names, self.categories)]
        return Arrays(self.num[:, num], self.cat[:, cat], tuple(self.num_names[j] for j in num), *picked)

    def subsample(self, n_rows: int, rng: np.random.Generator) -> Arrays:
        """Return at most ``n_rows`` rows, drawn without replacement."""
        if len(self) <= n_rows:
            return self
        return self.take(np.sort(rng.choice(len(self), n_rows, replace=False)))

    def shuffled(self, rng: np.random.Generator) -> Arrays:
        """Return the table with every column shuffled on its own: same margins, no dependence."""
        return Arrays(
            rng.permuted(self.num, axis=0),
            rng.permuted(self.cat, axis=0),
            self.num_names,
            self.cat_names,
            self.categories,
        )

    def missing(self) -> np.ndarray:
        """Which cells are missing, boolean of shape (n, D + C), in the order of ``names``."""
        absent = [len(levels) for levels in self.categories]
        return np.concatenate([np.isnan(self.num), self.cat == np.array(absent, dtype=np.int64)], axis=1)

    def __add__(self, other: Arrays) -> Arrays:
        num, cat = np.concatenate([self.num, other.num]), np.concatenate([self.cat, other.cat])
        return Arrays(num, cat, self.num_names, self.cat_names, self.categories)


class TableReader:
    """Turn frames with the columns of ``real`` into Arrays.

    Parameters
    ----------
    real : DataFrame of pandas, polars or another library that narwhals reads
        Decides kinds and categories.
    categorical : iterable of str, default=()
        Columns to read as categorical whatever their dtype, e.g. a class label stored as 0 and 1.

    Attributes
    ----------
    num_names, cat_names : tuple of str
    categories : tuple of tuple of str
    times : mapping of str to {"date", "duration"}
        The numerical columns that hold seconds.

    Raises
    ------
    SchemaError
        If the frame has no columns or a column name twice; from `read`, if a column is absent, holds text where the
        real one holds numbers, or holds infinite values. All problems are listed at once.

    Notes
    -----
    Labels are compared as text, so that 1, 1.0 and "1" are one label; beside a boolean column 1 means True.
    """

    def __init__(self, real: pd.DataFrame, *, categorical: Iterable[str] = ()):
        real = as_frame(real, "real")
        forced = {str(name) for name in categorical}
        kinds = {str(name): str(name) in forced or as_numbers(real[name]) is None for name in real.columns}
        self.num_names = tuple(sorted(name for name, is_cat in kinds.items() if not is_cat))
        self.cat_names = tuple(sorted(name for name, is_cat in kinds.items() if is_cat))
        columns = {str(name): real[name] for name in real.columns}
        self.categories = tuple(tuple(sorted(set(as_text(columns[name]).dropna()))) for name in self.cat_names)
        self.times = {name: kind for name in self.num_names if (kind := time_kind(columns[name])) is not None}
        self._booleans = {name for name in self.cat_names if _is_boolean(columns[name])}

    def read(self, df: pd.DataFrame, who: str) -> Arrays:
        """Read a frame that should have the same columns; ``who`` names it in error messages."""
        arrays, problems = self.read_anyway(df, who)
        if problems:
            raise SchemaError("; ".join(problems) + ". Make the tables agree, and numbers finite, before comparing.")
        return arrays

    def read_anyway(self, df: pd.DataFrame, who: str) -> tuple[Arrays, list[str]]:
        """Read a frame whatever its columns are, and say what does not fit.

        What is not there or cannot be read counts as missing: an absent column, text in place of numbers, an infinite
        number. Columns that the real table does not have are left out.
        """
        df = as_frame(df, who)
        by_name = {str(name): df[name] for name in df.columns}
        problems = []
        num = np.full((len(df), len(self.num_names)), np.nan)
        for j, name in enumerate(self.num_names):
            if name not in by_name:
                problems.append(f"column {name!r} of {who} is absent")
                continue
            column = by_name[name]
            numbers = as_numbers(column.astype("Float64") if _is_boolean(column) else column)
            if numbers is None and not column.isna().all():
                problems.append(f"column {name!r} of {who} must hold numbers. Got {column.dtype} instead")
            elif numbers is not None:
                infinite = np.isinf(numbers)
                if infinite.any():
                    problems.append(
                        f"column {name!r} of {who} must be finite. Got {infinite.sum()} infinite values instead"
                    )
                num[:, j] = np.where(infinite, np.nan, numbers)
        cat = np.empty((len(df), len(self.cat_names)), dtype=np.int64)
        for j, (name, levels) in enumerate(zip(self.cat_names, self.categories, strict=True)):
            if name not in by_name:
                problems.append(f"column {name!r} of {who} is absent")
                cat[:, j] = len(levels)
                continue
            column = by_name[name]
            text = as_text(column)
            if name in self._booleans and as_numbers(column) is not None:
                text = text.replace({"0": "False", "1": "True"})
            codes = pd.Index(levels, dtype=object).get_indexer(pd.Index(text, dtype=object))
            codes[codes < 0] = len(levels) + 1
            codes[text.isna().to_numpy()] = len(levels)
            cat[:, j] = codes
        arrays = Arrays(num, cat, self.num_names, self.cat_names, self.categories)
        order = np.lexsort([*num.T, *cat.T])
        return arrays.take(order), problems

    def further_columns(self, df: pd.DataFrame) -> list[str]:
        """Return the names of the columns that the real table does not have."""
        return [str(name) for name in df.columns if str(name) not in {*self.num_names, *self.cat_names}]


def read_pair(real: pd.DataFrame | Arrays, synthetic: pd.DataFrame | Arrays) -> tuple[Arrays, Arrays]:
    """Read two frames with the kinds of the first; Arrays pass through."""
    if isinstance(real, Arrays) and isinstance(synthetic, Arrays):
        return real, synthetic
    reader = TableReader(real)
    return reader.read(real, "real"), reader.read(synthetic, "synthetic")


def as_frame(df, who: str) -> pd.DataFrame:
    """Return a frame of any library as a pandas frame with rows, columns and unique names, or say what is wrong."""
    if not nw.dependencies.is_into_dataframe(df):
        raise SchemaError(f"{who} must be a DataFrame. Got {type(df).__name__} instead. Wrap it in pandas.DataFrame.")
    if not isinstance(df, pd.DataFrame):
        df = nw.from_native(df, eager_only=True).to_pandas()
    names = [str(name) for name in df.columns]
    if not names or not len(df):
        raise SchemaError(f"{who} must have at least one row and one column. Got shape {df.shape} instead.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SchemaError(f"Column names of {who} must be unique. Got {twice} more than once. Rename them.")
    return df


def as_numbers(column: pd.Series) -> np.ndarray | None:
    """Values as floats, dates and durations in seconds, missing ones as NaN; None if the column holds anything else.

    A column of Python objects is asked for its values: decimals, dates and numbers beside None count as numbers.
    """
    kind = types.infer_dtype(column, skipna=True)
    if kind == "period":
        column, kind = column.dt.to_timestamp(), "datetime64"
    if kind in _DATES:
        if hasattr(column, "dt") and column.dt.tz is not None:
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return _seconds(column.astype("datetime64[us]"))
    if kind in _DURATIONS:
        return _seconds(column.astype("timedelta64[us]"))
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return column.to_numpy(dtype=float, na_value=np.nan)
    return None


TimeKind = Literal["date", "duration"]
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_DATES, _DURATIONS = ("date", "datetime", "datetime64"), ("timedelta", "timedelta64")


def time_kind(column: pd.Series) -> TimeKind | None:
    """Whether the column holds dates (or periods), or durations; None if it holds neither."""
    kind = types.infer_dtype(column, skipna=True)
    return "date" if kind in ("period", *_DATES) else "duration" if kind in _DURATIONS else None


def time_label(seconds: float, kind: TimeKind, span: float) -> str:
    """Write the seconds that a date or duration was read as, as exactly as an axis over ``span`` seconds needs."""
    if kind == "date":
        text = str(np.datetime64(round(seconds), "s")).replace("T", " ")
        return text[:-9] if span >= 5 * 86_400 else text[:-3] if span >= 300 else text
    unit, name = next((unit for unit in _UNITS if span >= unit[0]), _UNITS[-1])
    return f"{seconds / unit:.4g} {name}"


def _seconds(column: pd.Series) -> np.ndarray:
    ticks = column.to_numpy()
    return np.where(np.isnat(ticks), np.nan, ticks.astype("int64") / 1e6)


def as_text(column: pd.Series) -> pd.Series:
    """Values as str objects, missing ones as None; a label 1.0 read back as 1 is the same label."""
    values = column.astype(object)
    text = [None if absent else _label(value) for value, absent in zip(values, values.isna(), strict=True)]
    return pd.Series(text, index=column.index, dtype=object)


def _label(value) -> str:
    return str(int(value)) if isinstance(value, float | np.floating) and value.is_integer() else str(value)


def _is_boolean(column: pd.Series) -> bool:
    return types.infer_dtype(column, skipna=True) == "boolean"
