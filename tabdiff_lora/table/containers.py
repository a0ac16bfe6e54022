"""Containers: pandas inside, whatever the user has outside."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.utils.validation import check_consistent_length, column_or_1d


@dataclass(frozen=True)
class Container:
    """How the training table came, so that drawn rows go back the same way.

    Frames other than pandas travel as Arrow tables, whose schema is remembered; inside they are pandas frames with
    pyarrow dtypes, so that integers with gaps stay integers.

    Parameters
    ----------
    library : str
        "pandas", "numpy", or what narwhals calls it ("polars", "pyarrow", ...).
    dtype : str
        Dtype of a numpy array.
    arrow_schema : bytes
        The serialised Arrow schema of any other frame.
    """

    library: str
    dtype: str = ""
    arrow_schema: bytes = b""

    @classmethod
    def open(cls, X) -> tuple[pd.DataFrame, Container]:
        """Return the table as a pandas frame, never to be written to, and its container."""
        frame = view(X)
        if isinstance(X, pd.DataFrame):
            return frame, cls("pandas")
        if not nw.dependencies.is_into_dataframe(X):
            return frame, cls("numpy", dtype=np.asarray(X).dtype.str)
        narwhal = nw.from_native(X, eager_only=True)
        schema = narwhal.to_arrow().schema.serialize().to_pybytes()
        return frame, cls(narwhal.implementation.value, arrow_schema=schema)

    def close(self, frame: pd.DataFrame):
        """Return a pandas frame in this container."""
        if self.library == "pandas":
            return frame
        if self.library == "numpy":
            return frame.to_numpy(dtype=np.dtype(self.dtype))
        schema = pa.ipc.read_schema(pa.py_buffer(self.arrow_schema))
        fields = [schema.field(name) for name in frame.columns]
        arrays = [_to_arrow(frame[field.name], field.type) for field in fields]
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=schema.metadata))
        return nw.from_arrow(table, backend=self.library).to_native()


def view(X) -> pd.DataFrame:
    """Return a table of any container as a pandas frame; arrays get the labels x0, x1, ..."""
    if isinstance(X, pd.DataFrame):
        return X
    if not nw.dependencies.is_into_dataframe(X):
        values = np.asarray(X)
        if values.ndim != 2:
            raise ValueError(
                f"shape of the table must be (n, p). Got {values.shape} instead. "
                f"Reshape your data; make a sparse matrix dense with .toarray()."
            )
        frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
        return frame.infer_objects() if values.dtype == object else frame
    table = nw.from_native(X, eager_only=True).to_arrow()
    columns = {name: _to_pandas(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return pd.DataFrame(columns, copy=False)


def with_target(X, y):
    """Return X with y as its last column, in the container of X; X itself when there is no y."""
    if y is None:
        return X
    if not nw.dependencies.is_into_dataframe(X):
        X, y = np.asarray(X), column_or_1d(y)
        if X.ndim != 2 or not X.shape[1]:
            return X  # the encoder will refuse it
        return np.column_stack([X if y.dtype.kind in "buif" else X.astype(object), y])
    check_consistent_length(X, y)
    frame, name = nw.from_native(X, eager_only=True), getattr(y, "name", None) or "target"
    if name in frame.columns:
        raise ValueError(f"name of y must not be a column of X. Got {name!r} instead. Rename one of them.")
    if isinstance(X, pd.DataFrame):
        return X.assign(**{name: y.set_axis(X.index) if isinstance(y, pd.Series) else column_or_1d(y)})
    column = nw.from_native(y, allow_series=True) if nw.dependencies.is_into_series(y) else column_or_1d(y)
    if not isinstance(column, nw.Series):
        column = nw.new_series(name, column, backend=frame.implementation)
    return frame.with_columns(column.alias(name)).to_native()


def _to_pandas(column: pa.ChunkedArray) -> pd.Series:
    kind = column.type
    if not pa.types.is_dictionary(kind):
        return column.to_pandas(types_mapper=pd.ArrowDtype)
    # polars counts its categories without a sign, which pyarrow could not turn into pandas for long
    return column.cast(pa.dictionary(pa.int64(), kind.value_type, kind.ordered)).to_pandas()


def _to_arrow(column: pd.Series, arrow_type: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(arrow_type):
        missing = column.isna().to_numpy()
        indices = pa.array(np.where(missing, 0, column.cat.codes), mask=missing).cast(arrow_type.index_type)
        levels = pa.Array.from_pandas(column.cat.categories).cast(arrow_type.value_type)
        return pa.DictionaryArray.from_arrays(indices, levels, ordered=arrow_type.ordered)
    return pa.Array.from_pandas(column).cast(arrow_type)
