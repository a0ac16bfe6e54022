"""Numbers of any column: plain numpy values and a mask of gaps, whatever dtype held them."""

from __future__ import annotations

from decimal import Decimal
from numbers import Number

import numpy as np
import pandas as pd
from pandas.api import types as dt

from tabdiff_lora.table.problem import refuse


def split_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values (n,), integers as integers, 0 in the gaps, and the mask of gaps (n,).

    Raises
    ------
    EncodingError
        For a value that is not a finite real number, with its row.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if dt.is_object_dtype(column.dtype):
        return _split_objects(column, missing)
    if dt.is_complex_dtype(column.dtype) or not dt.is_numeric_dtype(column.dtype):
        refuse(column.name, "numbers", column.iloc[0], 0, "Convert the column, or use CategoricalEncoder.")
    if dt.is_bool_dtype(column.dtype) or dt.is_integer_dtype(column.dtype):
        unsigned = np.uint64 if column.dtype.kind == "u" else np.int64
        plain = isinstance(column.dtype, np.dtype)
        return column.to_numpy() if plain and column.dtype.kind in "iu" else _fill(column, unsigned), missing
    values = column.to_numpy() if isinstance(column.dtype, np.dtype) else _fill(column, _float_dtype(column.dtype))
    values = np.where(missing, values.dtype.type(0), values)
    if not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        refuse(column.name, "finite", values[row], row, "Replace infinite values by missing ones or by a cap.")
    return values, missing


def _fill(column: pd.Series, dtype) -> np.ndarray:
    return column.to_numpy(dtype=dtype, na_value=0)


def _float_dtype(dtype) -> np.dtype:
    """Return the numpy dtype of an extension float; decimals are read as float64."""
    return np.dtype(dtype.numpy_dtype) if dtype.kind == "f" else np.dtype(np.float64)


def _split_objects(column: pd.Series, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    present = column[~missing]
    misfit = np.fromiter((not _is_real(value) for value in present), bool, len(present))
    if misfit.any():
        row = int(np.flatnonzero(~missing)[misfit.argmax()])
        refuse(column.name, "numbers", column.iloc[row], row, "Convert the column, or use CategoricalEncoder.")
    whole = all(isinstance(value, (int, np.integer)) for value in present)
    values = np.zeros(len(column), dtype=np.int64 if whole else np.float64)
    values[~missing] = present.to_numpy(dtype=values.dtype)
    return values, missing


def _is_real(value: object) -> bool:
    return isinstance(value, (Number, Decimal)) and not isinstance(value, (bool, complex))
