"""Read and write a table as csv or parquet, by the extension of its name; an open text file is csv."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import pandas as pd

ISO_TIME = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?)?"


def read_table(path: str | Path | TextIO) -> pd.DataFrame:
    """Read a csv or parquet file.

    Parameters
    ----------
    path : str, Path or open text file
        A name that ends in ``.csv``, ``.csv.gz`` or ``.parquet``. A column of csv in which every value is an ISO 8601
        date or time, such as 2024-01-31 or 2024-01-31 12:30, holds datetimes.

    Returns
    -------
    DataFrame of shape (n, p)

    Raises
    ------
    ValueError
        If the extension is another one or the content is not such a table.
    FileNotFoundError
        If there is no such file.
    """
    import pandas as pd

    if isinstance(path, str | Path):
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"table {str(path)!r} must be a file. Got a path where there is none instead.")
        read, what, suffix = _by_extension(path, csv=_read_csv, parquet=pd.read_parquet), repr(str(path)), path.suffix
    else:
        read, what, suffix = _read_csv, getattr(path, "name", "of text"), ".csv"
    try:
        return read(path)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's parse errors are both ValueErrors
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise ValueError(f"table {what} cannot be read: {reason}. Is it a {suffix} file?") from error


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write ``table`` without its index to a csv or parquet file.

    Parameters
    ----------
    table : DataFrame of shape (n, p)
    path : str or Path
        A name that ends in ``.csv``, ``.csv.gz`` or ``.parquet``; its folder must exist.

    Raises
    ------
    ValueError
        If the extension is another one.
    """
    write = _by_extension(Path(path), csv=table.to_csv, parquet=table.to_parquet)
    write(path, index=False)


def write_chunks(chunks: Iterable[pd.DataFrame], path: str | Path | TextIO) -> None:
    """Write a table that comes in pieces to a csv or parquet file, one piece in memory at a time.

    Parameters
    ----------
    chunks : iterable of DataFrame
        With the same columns and dtypes.
    path : str, Path or open text file
        A name that ends in ``.csv``, ``.csv.gz`` or ``.parquet``; its folder must exist. The file appears when it is
        complete.

    Raises
    ------
    ValueError
        If the extension is another one.
    """
    if not isinstance(path, str | Path):
        _write_csv(chunks, path)
        return
    path = Path(path)
    write = _by_extension(path, csv=_write_csv_chunks, parquet=_write_parquet_chunks)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        write(chunks, unfinished, path.name)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read_csv(path: Path | TextIO) -> pd.DataFrame:
    import pandas as pd

    table = pd.read_csv(path)
    for name in table.columns[table.dtypes.map(pd.api.types.is_string_dtype)]:
        present = table[name].dropna()
        if len(present) and present.astype("str").str.fullmatch(ISO_TIME).all():
            times = pd.to_datetime(table[name], format="ISO8601", errors="coerce")
            if times.notna().sum() == len(present):  # the 31st of June is a text
                table[name] = times
    return table


def _write_csv_chunks(chunks: Iterable[pd.DataFrame], path: Path, name: str) -> None:
    import gzip

    with (gzip.open if name.lower().endswith(".gz") else open)(path, "wt", encoding="utf-8", newline="") as file:
        _write_csv(chunks, file)


def _write_csv(chunks: Iterable[pd.DataFrame], file: TextIO) -> None:
    for number, chunk in enumerate(chunks):
        chunk.to_csv(file, index=False, header=number == 0)


def _write_parquet_chunks(chunks: Iterable[pd.DataFrame], path: Path, name: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    try:
        for chunk in chunks:
            table = pa.Table.from_pandas(chunk, schema=writer and writer.schema, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _by_extension(path: Path, *, csv: Callable, parquet: Callable) -> Callable:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return csv
    if name.endswith(".parquet"):
        return parquet
    raise ValueError(f"extension of {str(path)!r} must be .csv, .csv.gz or .parquet. Got {path.suffix!r} instead.")
