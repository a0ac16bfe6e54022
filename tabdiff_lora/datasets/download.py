"""A table of the registry from OpenML, checked against its card and cut into parts by TabDDPM's recipe."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff_lora.datasets.dataset import Dataset, as_labels
from tabdiff_lora.datasets.registry import Card, OpenML

SAME_MEAN = 1e-4  # relative; the means of two random test parts differ by about a hundredth


def download(card: Card, data_home: str | Path | None) -> Dataset:
    """Download a table, or read it from scikit-learn's cache.

    Parameters
    ----------
    card : Card
        With a source.
    data_home : str, Path or None
        Folder of the cache; None is scikit-learn's own.

    Returns
    -------
    Dataset
        ``meta["split"]`` tells whether the parts hold TabDDPM's own rows.

    Raises
    ------
    ValueError
        If what came is not the table that the card describes.
    """
    table = _from_openml(card, data_home) if isinstance(card.source, OpenML) else _from_sklearn(data_home)
    if len(table) != card.n_rows:
        raise _not_as_expected(card, "number of rows", card.n_rows, len(table))
    told = _as_described(table, card)
    rows_of = split_rows(card, table[card.target])
    parts = {split: told.iloc[rows].reset_index(drop=True) for split, rows in rows_of.items()}
    meta = {
        "source": f"OpenML {card.source.data_id}" if isinstance(card.source, OpenML) else "fetch_california_housing",
        "origin": card.origin,
        "split": _whose_rows(parts["test"], card),
        "notes": list(card.notes),
    }
    return Dataset.from_parts(card.name, card.task, card.target, card.categorical, parts, meta)


def split_rows(card: Card, target: pd.Series) -> dict[str, np.ndarray]:
    """Rows of train, val and test by TabDDPM's recipe: two random cuts, stratified by the class.

    The classes are those of the source: words in their place could sort, and so be cut, in another order.
    NOTE[DIFF]: the parts of some tables were made otherwise; the notes of their cards say so.
    """
    from sklearn.model_selection import train_test_split

    def cut(rows: np.ndarray, size: int, seed: int) -> list[np.ndarray]:
        classes = None if card.task == "regression" else target.iloc[rows]
        return train_test_split(rows, test_size=size, random_state=seed, stratify=classes)

    rows, (_, n_val, n_test) = np.arange(card.n_rows), card.sizes
    if card.name == "adult":
        rest, test = rows[n_test:], rows[:n_test]
    else:
        rest, test = cut(rows, n_test, card.seeds[0])
    train, val = cut(rest, n_val, card.seeds[1])
    return {"train": train, "val": val, "test": test}


def _from_sklearn(data_home: str | Path | None) -> pd.DataFrame:
    from sklearn.datasets import fetch_california_housing

    return fetch_california_housing(data_home=data_home, as_frame=True).frame


def _from_openml(card: Card, data_home: str | Path | None) -> pd.DataFrame:
    """The table under our names, without the rows and columns that TabDDPM leaves out."""
    from sklearn.datasets import fetch_openml

    source = card.source
    found = fetch_openml(data_id=source.data_id, data_home=data_home, as_frame=True)
    version = int(found.details["version"])
    if source.version not in (None, version):
        raise _not_as_expected(card, "version", source.version, version)
    ours = {_plain(name): name for name in (*card.numerical, *card.categorical, card.target)}
    names = {name: source.renamed.get(name) or ours.get(_plain(name), name) for name in found.frame}
    table = found.frame.rename(columns=names).drop(columns=list(source.ignored), errors="ignore")
    incomplete = table.isna().any(axis=1)
    if source.n_incomplete:
        if incomplete.sum() != source.n_incomplete:
            raise _not_as_expected(card, "number of incomplete rows", source.n_incomplete, incomplete.sum())
        table = table[~incomplete]
    for name, day in source.dates.items():
        table[name] = (pd.to_datetime(table[name].astype("str")) - pd.Timestamp(day)) / pd.Timedelta(seconds=1000)
    return table


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _as_described(table: pd.DataFrame, card: Card) -> pd.DataFrame:
    """The columns of the card in its order: numbers, and categories in words."""
    expected = [*card.numerical, *card.categorical, card.target]
    if set(table) != set(expected) or table.columns.has_duplicates:
        raise _not_as_expected(card, "columns", sorted(expected), sorted(map(str, table)))
    columns = {name: _numbers(table[name], card) for name in card.numerical}
    columns |= {name: _words(table[name], card) for name in card.categorical}
    columns[card.target] = (_numbers if card.task == "regression" else _words)(table[card.target], card)
    n_classes = None if card.task == "regression" else columns[card.target].nunique(dropna=False)
    if n_classes != card.n_classes:
        raise _not_as_expected(card, f"number of classes of {card.target!r}", card.n_classes, n_classes)
    return pd.DataFrame(columns)


def _numbers(column: pd.Series, card: Card) -> pd.Series:
    try:
        return pd.to_numeric(column.astype(object) if column.dtype == "category" else column).astype("float64")
    except ValueError as error:
        raise _not_as_expected(card, f"column {column.name!r}", "numbers", str(error)) from error


def _words(column: pd.Series, card: Card) -> pd.Series:
    labels = as_labels(column)
    text = labels.astype("str").str.strip().where(labels.notna())
    words = text.replace(dict(card.labels.get(column.name, {})))
    return words if card.missing is None else words.fillna(card.missing)


def _whose_rows(test: pd.DataFrame, card: Card) -> str:
    if card.test_mean is None:
        return "by TabDDPM's recipe; its own rows are not known here"
    if np.isclose(test[card.numerical[0]].mean(), card.test_mean, rtol=SAME_MEAN, atol=0):
        return "TabDDPM's own"
    return "by TabDDPM's recipe, but not its own rows: the source has another order"


def _not_as_expected(card: Card, what: str, expected, got) -> ValueError:
    return ValueError(
        f"{what} of the downloaded table {card.name!r} must be {expected}. Got {got} instead. The source has "
        "changed or is another table. Put yours into a folder of data_home (docs/datasets.md) to load it from there."
    )
