"""csv and parquet: what is written is read, by name or through an open file."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from tabdiff_lora.tablefile import read_table, write_chunks, write_table

TABLE = pd.DataFrame({"x": [1.5, None, 3.0], "n": [1, 2, 3], "c": ["a", None, "b,c"]})


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


def test_an_open_text_file_is_csv():
    file = io.StringIO()
    write_chunks([TABLE[:2], TABLE[2:]], file)
    pd.testing.assert_frame_equal(read_table(io.StringIO(file.getvalue())), TABLE)
    with pytest.raises(ValueError, match=r"table of text cannot be read: .* Is it a \.csv file\?"):
        read_table(io.StringIO(""))


@pytest.mark.parametrize(
    ("texts", "is_time"),
    [
        (["2024-01-31", None, "2024-02-29"], True),
        (["2024-01-31 12:30", "1999-12-31T23:59:59.5", None], True),
        (["2024-01-31", "soon"], False),
        (["2023-02-29", "2024-01-31"], False),
        (["20240131", "20240201"], False),
    ],
)
def test_a_column_of_dates_holds_datetimes(tmp_path, texts, is_time):
    table = pd.DataFrame({"day": texts, "x": 1})
    table.to_csv(tmp_path / "t.csv", index=False)
    day = read_table(tmp_path / "t.csv")["day"]
    assert pd.api.types.is_datetime64_any_dtype(day) == is_time
    assert day.isna().tolist() == table["day"].isna().tolist()
    write_table(day.to_frame(), tmp_path / "again.csv")
    pd.testing.assert_series_equal(read_table(tmp_path / "again.csv")["day"], day)
