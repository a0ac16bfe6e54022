"""Tables from a folder, and tables from files."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.datasets import list_datasets, load_dataset
from tabdiff_lora.tablefile import read_table, write_table

TABLE = pd.DataFrame(
    {"x": [0.5, 1.0, 2.0], "code": [1.0, 2.0, np.nan], "grade": [0, 1, 0], "city": ["Rom", "Oslo", "Rom"]}
)


def write_dataset(folder, table=TABLE, **meta):
    """Write a dataset whose three parts are the same table."""
    folder.mkdir()
    for split in ("train", "val", "test"):
        write_table(table, folder / f"{split}.parquet")
    meta = {"task": "binclass", "target": "grade", "categorical": ["code", "city"]} | meta
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return folder


def test_categories_and_classes_come_as_text_and_numbers_as_they_are(tmp_path):
    write_dataset(tmp_path / "toy")
    dataset = load_dataset("toy", tmp_path)
    assert list(dataset.train["code"][:2]) == ["1", "2"]
    assert pd.isna(dataset.train["code"][2])
    assert list(dataset.train["grade"]) == ["0", "1", "0"]
    pd.testing.assert_series_equal(dataset.train["x"], TABLE["x"])
    assert dataset.categorical == ("code", "city")
    assert dataset.is_classification


def test_the_target_of_a_regression_stays_a_number(tmp_path):
    write_dataset(tmp_path / "toy", task="regression", target="x")
    assert load_dataset("toy", tmp_path).train["x"].dtype == "float64"


def test_held_out_rows_are_validation_and_test(tmp_path):
    write_dataset(tmp_path / "toy")
    assert len(load_dataset("toy", tmp_path).held_out) == 2 * len(TABLE)


def test_absent_table_is_named_with_those_there_are(tmp_path):
    write_dataset(tmp_path / "b")
    write_dataset(tmp_path / "a")
    assert list_datasets(tmp_path) == ["a", "b"]
    with pytest.raises(FileNotFoundError, match=r"\(a, b\)\. Got 'c' instead"):
        load_dataset("c", tmp_path)


def test_wrong_meta_data_are_refused(tmp_path):
    write_dataset(tmp_path / "kind", task="ranking")
    with pytest.raises(ValueError, match=r"task of dataset 'kind' must be one of .* Got 'ranking' instead"):
        load_dataset("kind", tmp_path)
    write_dataset(tmp_path / "columns", categorical=["colour"])
    with pytest.raises(ValueError, match=r"columns \['colour'\] of dataset 'columns' must be in its parts"):
        load_dataset("columns", tmp_path)
    write_table(TABLE[["x"]], write_dataset(tmp_path / "parts") / "val.parquet")
    with pytest.raises(ValueError, match=r"must be in its parts"):
        load_dataset("parts", tmp_path)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet", "T.CSV"])
def test_what_is_written_is_read(tmp_path, name):
    write_table(TABLE, tmp_path / name)
    pd.testing.assert_frame_equal(read_table(tmp_path / name), TABLE)


def test_files_that_are_no_tables_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a file"):
        read_table(tmp_path / "absent.csv")
    (tmp_path / "t.parquet").write_text("no parquet")
    with pytest.raises(ValueError, match=r"t\.parquet' cannot be read: .* Is it a \.parquet file\?"):
        read_table(tmp_path / "t.parquet")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ValueError, match="cannot be read"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "t.xlsx").write_text("")
    with pytest.raises(ValueError, match=r"must be \.csv, \.csv\.gz or \.parquet\. Got '\.xlsx' instead"):
        read_table(tmp_path / "t.xlsx")
