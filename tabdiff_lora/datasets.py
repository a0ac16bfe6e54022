"""The benchmark tables by name, read from a local folder.

A table is a folder ``data_home/name`` with ``train.parquet``, ``val.parquet``, ``test.parquet`` and a ``meta.json``
that says at least ``{"task": ..., "target": ..., "categorical": [...]}``.

The kinds come from ``meta.json``, not from the dtypes: a categorical column and the target of a classification are
handed out as text, also where the file stores them as numbers (3.0 becomes "3"), so that a synthesizer and a critic
that look at dtypes see categories. All other columns keep the dtype of the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pandas as pd

from tabdiff_lora.tablefile import read_table

Task = Literal["binclass", "multiclass", "regression"]
TASKS = ("binclass", "multiclass", "regression")
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Dataset:
    """A table in three parts, with what there is to predict in it.

    Parameters
    ----------
    name : str
    task : {"binclass", "multiclass", "regression"}
    target : str
        The column to predict.
    categorical : tuple of str
        The categorical columns, without the target.
    train, val, test : DataFrame of shape (n, p)
        The parts, with the same columns in the same order.
    meta : dict
        All that ``meta.json`` says: source, licence, how the parts were made, notes.
    """

    name: str
    task: Task
    target: str
    categorical: tuple[str, ...]
    train: pd.DataFrame = field(repr=False)
    val: pd.DataFrame = field(repr=False)
    test: pd.DataFrame = field(repr=False)
    meta: dict = field(repr=False, default_factory=dict)

    @property
    def is_classification(self) -> bool:
        """Whether the target is a class."""
        return self.task != "regression"

    @property
    def held_out(self) -> pd.DataFrame:
        """The rows no synthesizer has seen: ``val`` and ``test`` under each other."""
        return pd.concat([self.val, self.test], ignore_index=True)


def list_datasets(data_home: str | Path) -> list[str]:
    """Name the tables of a folder.

    Parameters
    ----------
    data_home : str or Path
        The folder that holds a folder for each table.

    Returns
    -------
    list of str
        In alphabetical order; empty if there is none.
    """
    return sorted(meta.parent.name for meta in Path(data_home).glob("*/meta.json"))


def load_dataset(name: str, data_home: str | Path) -> Dataset:
    """Load a table by name.

    Parameters
    ----------
    name : str
        The folder of the table inside ``data_home``, such as ``"churn2"``.
    data_home : str or Path
        The folder that holds a folder for each table.

    Returns
    -------
    Dataset

    Raises
    ------
    FileNotFoundError
        If ``data_home`` has no such table; says which it has.
    ValueError
        If ``meta.json`` does not fit the parts.
    """
    folder = Path(data_home) / name
    if not (folder / "meta.json").is_file():
        known = ", ".join(list_datasets(data_home)) or "none"
        raise FileNotFoundError(f"dataset must be a table of {str(data_home)!r} ({known}). Got {name!r} instead.")
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    if meta["task"] not in TASKS:
        raise ValueError(f"task of dataset {name!r} must be one of {TASKS}. Got {meta['task']!r} instead.")
    target = meta["target"]
    categorical = tuple(column for column in meta["categorical"] if column != target)
    as_text = categorical if meta["task"] == "regression" else (*categorical, target)
    parts = {split: _with_text(read_table(folder / f"{split}.parquet"), as_text, name) for split in SPLITS}
    for split in SPLITS[1:]:
        if list(parts[split].columns) != list(parts["train"].columns):
            raise ValueError(f"columns of {split}.parquet of dataset {name!r} must be those of train.parquet.")
    return Dataset(name, meta["task"], target, categorical, **parts, meta=meta)


def _with_text(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> pd.DataFrame:
    absent = [column for column in columns if column not in table.columns]
    if absent:
        raise ValueError(f"columns {absent} of dataset {name!r} must be in its parts. meta.json names them.")
    return table.assign(**{column: _as_text(table[column]) for column in columns})


def _as_text(column: pd.Series) -> pd.Series:
    """Turn codes into text, whole numbers without a decimal point; missing stays missing."""
    if not pd.api.types.is_numeric_dtype(column):
        return column
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("str").where(column.notna())
