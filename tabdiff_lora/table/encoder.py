"""TableEncoder: a DataFrame to an EncodedTable and back, one column encoder per column."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from tabdiff_lora.errors import EncodingError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.table.containers import Container
from tabdiff_lora.table.encoded import EncodedTable, centre
from tabdiff_lora.table.encoders import (
    BooleanEncoder,
    CategoricalEncoder,
    ColumnEncoder,
    ConstantEncoder,
    DateEncoder,
    DatetimeEncoder,
    KeyEncoder,
    NumericalEncoder,
    OrdinalEncoder,
    PeriodEncoder,
    TimedeltaEncoder,
)
from tabdiff_lora.table.schema import infer_schema


class TableEncoder(TransformerMixin, BaseEstimator):
    """Any table of columns to normal scores and codes, and back to the same kind of table.

    Parameters
    ----------
    encoders : "auto" or list of (name, encoder, columns), default="auto"
    types : mapping of column label to kind, optional
        Overrides what ``infer_schema`` guesses, e.g. ``{"zip": "categorical"}``.
    missing : {"generate", "never"}, default="generate"
        Whether decoded columns have missing values where the training columns had.
    atoms : "auto", "all", None or float, default="auto"
        Which values of numerical columns get a state of their own (see ``NumericalEncoder``).
    random_state : int, Generator or None, default=None

    Attributes
    ----------
    schema_ : TableSchema
    layout_ : TableLayout
        Numerical dimensions in column order, categorical ones sorted by cardinality.
    encoders_ : dict of column label to fitted ColumnEncoder
    """

    def __init__(
        self,
        encoders="auto",
        *,
        types=None,
        remainder="auto",
        missing="generate",
        constraints=(),
        atoms="auto",
        random_state=None,
    ):
        self.encoders = encoders
        self.types = types
        self.remainder = remainder
        self.missing = missing
        self.constraints = constraints
        self.atoms = atoms
        self.random_state = random_state

    def fit(self, X, y=None) -> TableEncoder:
        """Learn the schema and one encoder per column."""
        frame, self.container_ = Container.open(X)
        self.schema_ = infer_schema(frame, types=self.types)
        self.n_features_in_ = frame.shape[1]
        if all(isinstance(name, str) for name in frame.columns):
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        self.encoders_ = {column.name: self._encoder_for(column.kind) for column in self.schema_.columns}
        _each(self.encoders_, lambda name, encoder: encoder.fit(frame[name]))
        self._lay_out()
        return self

    def encode(self, X) -> EncodedTable:
        """Return the table as intervals and codes; raises SchemaError or EncodingError for what was not learned."""
        check_is_fitted(self)
        frame = self.container_.view(X)
        self.schema_.validate(frame)
        n = len(frame)
        low = np.empty((n, self.layout_.n_numerical))
        high = np.empty((n, self.layout_.n_numerical))
        cat = np.empty((n, self.layout_.n_categorical), dtype=np.int64)

        def place(name: Hashable, encoder: ColumnEncoder) -> None:
            block = encoder.encode(frame[name])
            low[:, self.numerical_slots_[name]] = block.low
            high[:, self.numerical_slots_[name]] = block.high
            cat[:, self.categorical_slots_[name]] = block.cat

        _each(self.encoders_, place)
        return EncodedTable(self.layout_, low, high, cat)

    def decode(self, num: np.ndarray, cat: np.ndarray, *, rng: np.random.Generator | None = None):
        """Return the rows in the container, order and dtypes of the training table, with a fresh index.

        Parameters
        ----------
        num : ndarray of shape (n, D)
            Finite normal scores.
        cat : ndarray of shape (n, C), int64
        rng : numpy Generator, optional
            Used where a code stands for several values; a fixed one by default.
        """
        check_is_fitted(self)
        num, cat = np.asarray(num), np.asarray(cat)
        self._check_codes(num, cat)
        rng = rng or np.random.default_rng(0)
        columns = {
            name: encoder.decode(num[:, self.numerical_slots_[name]], cat[:, self.categorical_slots_[name]], rng)
            for name, encoder in self.encoders_.items()
        }
        frame = pd.DataFrame(columns, index=pd.RangeIndex(len(num)), copy=False)
        frame.columns = pd.Index(self.schema_.names)
        return self.container_.close(frame)

    def transform(self, X) -> np.ndarray:
        """Return ``[num | cat]``, float64 of shape (n, D + C), an interval represented by its median."""
        table = self.encode(X)
        return np.hstack([centre(table.low, table.high), table.cat])

    def inverse_transform(self, X):
        """Return the table that ``transform`` was given."""
        flat = np.asarray(X, dtype=float)
        d = self.layout_.n_numerical
        return self.decode(flat[:, :d], flat[:, d:].astype(np.int64))

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return the names of the encoded dimensions, numerical ones first."""
        check_is_fitted(self)
        return np.array(self.layout_.numerical + self.layout_.categorical, dtype=object)

    def _encoder_for(self, kind: str) -> ColumnEncoder:
        numbers, gaps = {"atoms": self.atoms, "missing": self.missing}, {"missing": self.missing}
        encoders = {
            "numerical": lambda: NumericalEncoder(**numbers),
            "boolean": lambda: BooleanEncoder(**gaps),
            "categorical": lambda: CategoricalEncoder(**gaps),
            "ordinal": lambda: OrdinalEncoder(**numbers),
            "datetime": lambda: DatetimeEncoder(**numbers),
            "date": lambda: DateEncoder(**numbers),
            "timedelta": lambda: TimedeltaEncoder(**numbers),
            "period": lambda: PeriodEncoder(**numbers),
            "key": lambda: KeyEncoder(**gaps),
            "text": lambda: KeyEncoder(unique=False, **gaps),
            "constant": lambda: ConstantEncoder(),
        }
        return encoders[kind]()

    def _lay_out(self) -> None:
        """Give each encoder its numerical slots in column order and its categorical ones by cardinality."""
        owners = [(name, c) for name, encoder in self.encoders_.items() for c in range(len(encoder.categorical_))]
        owners.sort(key=lambda owner: len(self.encoders_[owner[0]].categories_[owner[1]]))
        self.numerical_slots_, self.categorical_slots_, numerical = {}, {}, []
        for name, encoder in self.encoders_.items():
            self.numerical_slots_[name] = slice(len(numerical), len(numerical) + len(encoder.numerical_))
            self.categorical_slots_[name] = [slot for slot, owner in enumerate(owners) if owner[0] == name]
            numerical.extend(encoder.numerical_)
        self.layout_ = TableLayout(
            tuple(numerical),
            tuple(self.encoders_[name].categorical_[c] for name, c in owners),
            tuple(self.encoders_[name].categories_[c] for name, c in owners),
        )

    def _check_codes(self, num: np.ndarray, cat: np.ndarray) -> None:
        shapes, expected = (num.shape[1:], cat.shape[1:]), ((self.layout_.n_numerical,), (self.layout_.n_categorical,))
        if shapes != expected or len(num) != len(cat):
            raise EncodingError(f"widths of num and cat must be {expected}. Got {shapes} instead.")
        if not np.isfinite(num).all():
            row, column = np.argwhere(~np.isfinite(num))[0]
            name = self.layout_.numerical[column]
            raise EncodingError(f"scores of {name!r} must be finite. Got {num[row, column]} (row {row}) instead.")
        outside = (cat < 0) | (cat >= np.array(self.layout_.cardinalities, dtype=np.int64))
        if outside.any():
            row, column = np.argwhere(outside)[0]
            name, top = self.layout_.categorical[column], self.layout_.cardinalities[column] - 1
            raise EncodingError(f"codes of {name!r} must be in 0 .. {top}. Got {cat[row, column]} (row {row}) instead.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags


def _each(encoders: dict[Hashable, ColumnEncoder], act) -> None:
    """Call ``act(name, encoder)`` for all columns and raise what they refuse in one error."""
    refusals = []
    for name, encoder in encoders.items():
        try:
            act(name, encoder)
        except EncodingError as error:
            refusals.append(str(error))
    if refusals:
        raise EncodingError("\n".join(refusals))
