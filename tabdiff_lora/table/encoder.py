"""TableEncoder: a table to an EncodedTable and back, one column encoder per column."""

from __future__ import annotations

import warnings
from collections.abc import Hashable

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from tabdiff_lora.errors import ConditionError, EncodingError, SchemaError
from tabdiff_lora.table.arrangement import Arrangement
from tabdiff_lora.table.assignment import encoder_of_kind, named_encoders
from tabdiff_lora.table.constraints import Unique
from tabdiff_lora.table.containers import Container, view
from tabdiff_lora.table.encoded import EncodedTable, centre
from tabdiff_lora.table.encoders import ColumnEncoder, KeyEncoder, TextEncoder
from tabdiff_lora.table.equalities import Equalities
from tabdiff_lora.table.imputation import RegressionImputer
from tabdiff_lora.table.schema import TableSchema, infer_schema


class TableEncoder(TransformerMixin, BaseEstimator):
    """Any table to normal scores and codes, and back to the same kind of table.

    Parameters
    ----------
    encoders : "auto" or list of (name, encoder, columns), default="auto"
        As in ColumnTransformer: ``columns`` is a label, a list of labels or positions, a mask, or a function of the
        frame such as ``make_column_selector(dtype_include=float)``; ``encoder`` is a column encoder, a scikit-learn
        transformer of one feature with a true inverse, "passthrough", or "drop". Each column gets a clone of its own.
        A dropped column is not learned and does not come back. Columns not named are left to ``remainder``.
    types : mapping of column label to kind, optional
        Overrides what ``infer_schema`` guesses, e.g. ``{"zip": "categorical"}``.
    remainder : "auto", "drop", "passthrough" or encoder, default="auto"
        "auto" chooses by the column's kind.
    missing : {"generate", "never", "regression"}, default="generate"
        "generate" learns gaps as part of the data. "never" does so too, and no gap is drawn or decoded.
        "regression" fills gaps before learning (see ``RegressionImputer``).
    constraints : sequence of Constraint, default=()
        Rules every decoded row obeys; ``violations`` marks rows that break one that cannot be built in.
    atoms : "auto", "all", None or float, default="auto"
        Which values of numerical columns get a state of their own (see ``NumericalEncoder``).
    equalities : bool, default=True
        Whether to look for numbers that often equal an earlier column, and to draw them as equal (see ``Equalities``).
    random_state : int or None, default=None
        Used by "regression" only.

    Attributes
    ----------
    schema_ : TableSchema
        The columns that come back.
    layout_ : TableLayout
        Numerical dimensions in column order, categorical ones sorted by cardinality (see ``Arrangement``).
    encoders_ : dict of column label to fitted ColumnEncoder
        One per column, after constraints have rewritten columns.
    feature_names_in_ : ndarray of str, if all labels are strings
    n_features_in_ : int

    Examples
    --------
    >>> import pandas as pd
    >>> from tabdiff_lora.table import TableEncoder
    >>> table = pd.DataFrame({"age": [31, 45, 45, 52], "city": ["Rome", "Oslo", "Rome", None]})
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.layout_.categories
    (('Oslo', 'Rome', '(missing)'),)
    >>> encoder.inverse_transform(encoder.transform(table)).equals(table)
    True
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
        equalities=True,
        random_state=None,
    ):
        self.encoders = encoders
        self.types = types
        self.remainder = remainder
        self.missing = missing
        self.constraints = constraints
        self.atoms = atoms
        self.equalities = equalities
        self.random_state = random_state

    def fit(self, X, y=None) -> TableEncoder:
        """Learn the schema and one encoder per column; raises SchemaError, ConstraintError or EncodingError."""
        if self.missing not in {"generate", "never", "regression"}:
            raise ValueError(
                f"missing of TableEncoder must be 'generate', 'never' or 'regression'. Got {self.missing!r} instead."
            )
        frame, self.container_ = Container.open(X)
        self.n_features_in_ = frame.shape[1]
        if all(isinstance(name, str) for name in frame.columns):
            self.feature_names_in_ = np.array(frame.columns, dtype=object)
        gaps = "never" if self.missing == "never" else "generate"
        chosen = named_encoders(frame, self.encoders, self.remainder, missing=gaps)
        self.dropped_ = [name for name, encoder in chosen.items() if isinstance(encoder, str)]
        frame = frame.drop(columns=self.dropped_)
        types = self._types(frame)
        self.schema_ = infer_schema(frame, types=types)
        self.constraints_ = [clone(constraint).fit(frame) for constraint in self.constraints]
        inner = self._rewrite(frame)
        known = {name: kind for name, kind in types.items() if name in inner.columns}
        schema = infer_schema(inner, types=known) if self.constraints_ else self.schema_
        self.imputer_ = None
        if self.missing == "regression":
            self.imputer_ = RegressionImputer(random_state=self.random_state).fit(inner, schema)
            inner = self.imputer_.transform(inner)
        self.encoders_ = {
            column.name: chosen.get(column.name)
            or encoder_of_kind(column.kind, atoms=self.atoms, missing=gaps, is_declared=column.is_declared)
            for column in schema.columns
        }
        numbers = [c.name for c in schema.columns if c.kind == "numerical" and c.name not in chosen]
        self.equalities_ = Equalities.find(inner, numbers) if self.equalities else Equalities({})
        for name, sources in self.equalities_.sources.items():
            self.encoders_[name].set_params(elsewhere=tuple(f"as {source}" for source in sources))
        texts = {name: encoder for name, encoder in self.encoders_.items() if isinstance(encoder, TextEncoder)}
        self.schema_ = self.schema_.with_encoders(
            {k: type(encoder).__name__ for k, encoder in (texts | chosen).items()}
        )
        _for_each(self.encoders_, lambda name, encoder: encoder.fit(inner[name]))
        self._warn_of_keys(schema)
        self.arrangement_ = Arrangement.of(self.encoders_)
        self.layout_ = self.arrangement_.layout
        return self

    def encode(self, X) -> EncodedTable:
        """Return the table as intervals and codes; raises SchemaError or EncodingError for what was not learned."""
        inner = self._inner(X)
        return self._encode_rows({name: (inner[name], slice(None)) for name in self.encoders_}, len(inner))

    def features(self, X) -> np.ndarray:
        """Return numbers that follow the columns, for models that see rows from outside, such as trees.

        One for each column of numbers or times, whatever states hold its values, and the codes of the others.

        Parameters
        ----------
        X : table of shape (n, p)

        Returns
        -------
        ndarray of shape (n, F), float64
        """
        return self.inner_features(self._inner(X))

    def encode_known(self, X) -> tuple[EncodedTable, np.ndarray, np.ndarray]:
        """Encode a table with unknowns: absent columns and missing values are unknown, the rest is to be kept.

        What a constraint holds together is known in the rows where all of it is.

        Parameters
        ----------
        X : table of shape (n, at most p)

        Returns
        -------
        table : EncodedTable
            Unknown entries are ``(-inf, inf)`` and code 0.
        num_known : ndarray of shape (n, D), bool
            All dimensions of the known cells, also a number whose state holds the value.
        cat_known : ndarray of shape (n, C), bool

        Raises
        ------
        ConditionError
            For an unknown column, or one that a constraint holds together with others that are not given.
        """
        check_is_fitted(self)
        frame = view(X)
        for constraint in self.constraints_:
            if all(name in frame.columns for name in constraint.names):
                is_whole = frame[constraint.names].notna().all(axis=1)
                before, frame = frame.columns, constraint.transform(frame)
                rewritten = frame.columns.difference(before)
                frame = frame.assign(**{name: frame[name].where(is_whole) for name in rewritten})
        parts = {}
        for name in frame.columns:
            if name not in self.encoders_:
                known = ", ".join(map(repr, self.encoders_))
                raise ConditionError(f"conditions must be on columns that are learned ({known}). Got {name!r} instead.")
            rows = np.flatnonzero(frame[name].notna())
            parts[name] = frame[name].iloc[rows], rows
        table = self._encode_rows(parts, len(frame))
        num_known, cat_known = np.zeros(table.low.shape, dtype=bool), np.zeros(table.cat.shape, dtype=bool)
        for name, (_, rows) in parts.items():
            num_known[rows, self.arrangement_.numerical[name]] = True
            cat_known[np.ix_(rows, self.arrangement_.categorical[name])] = True
        return table, num_known, cat_known

    def decode(self, num: np.ndarray, cat: np.ndarray, *, rng: np.random.Generator | None = None):
        """Return the rows in the container, order and dtypes of the training table, with a fresh index.

        Parameters
        ----------
        num : ndarray of shape (n, D)
            Finite normal scores.
        cat : ndarray of shape (n, C), int64
        rng : numpy Generator, optional
            Used for keys and where a code stands for several values; a fixed one by default.
        """
        check_is_fitted(self)
        return self.container_.close(self.decode_frame(num, cat, rng=rng))

    def decode_frame(self, num: np.ndarray, cat: np.ndarray, *, rng: np.random.Generator | None = None) -> pd.DataFrame:
        """Return the rows as :meth:`decode` does, but as a pandas frame whatever the training table was."""
        return self.put_together(self.decode_inner(num, cat, rng=rng))

    def decode_inner(self, num: np.ndarray, cat: np.ndarray, *, rng: np.random.Generator | None = None) -> pd.DataFrame:
        """Return the rows in the columns that are encoded, before constraints make those of the table of them."""
        num, cat = np.asarray(num), np.asarray(cat)
        self.arrangement_.check(num, cat)
        rng = rng or np.random.default_rng(0)
        slots = self.arrangement_
        columns = {
            name: encoder.decode(num[:, slots.numerical[name]], cat[:, slots.categorical[name]], rng)
            for name, encoder in self.encoders_.items()
        }
        frame = pd.DataFrame(dict(enumerate(columns.values())), index=pd.RangeIndex(len(num)), copy=False)
        frame.columns = pd.Index(list(columns))
        if self.equalities_.sources:
            repeated = {
                n: self.encoders_[n].held_elsewhere(cat[:, slots.categorical[n]]) for n in self.equalities_.sources
            }
            frame = self.equalities_.fill(frame, repeated, lambda name, values: self.encoders_[name].can_hold(values))
        return frame

    def put_together(self, inner: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of :meth:`decode_inner` in the columns of the table."""
        frame = inner
        for constraint in reversed(self.constraints_):
            frame = constraint.inverse_transform(frame)
        return frame[self.schema_.names] if self.constraints_ else frame

    def inner_features(self, inner: pd.DataFrame) -> np.ndarray:
        """Return the :meth:`features` of rows of :meth:`decode_inner`."""
        columns = {}

        def see(name: Hashable, encoder: ColumnEncoder) -> None:
            columns[name] = encoder.features(inner[name])

        _for_each(self.encoders_, see)
        return np.hstack(list(columns.values()))

    def with_new_keys(
        self, frame: pd.DataFrame, n: int, rng: np.random.Generator, issued: dict[Hashable, np.ndarray]
    ) -> pd.DataFrame:
        """Return a frame of at most ``n`` decoded rows with the first of ``n`` keys that were never issued before.

        Parameters
        ----------
        frame : DataFrame
        n : int
        rng : numpy Generator
        issued : dict
            What was issued in earlier calls, per column; takes what is issued now.
        """
        frame = frame.copy(deep=False)
        for name, encoder in self.encoders_.items():
            if isinstance(encoder, KeyEncoder) and name in frame.columns:
                frame[name] = encoder.issue(frame[name], n, rng, issued)
        return frame

    def gap_levels(self) -> np.ndarray:
        """Return which levels stand for a missing value, columns side by side; bool of shape (sum of K_c,)."""
        return self._gap_levels(self.encoders_)

    def undrawn_levels(self) -> np.ndarray:
        """Return which levels no row shall have: the gaps of columns with ``missing="never"``; bool, (sum of K_c,)."""
        chosen = {name: encoder for name, encoder in self.encoders_.items() if encoder.missing == "never"}
        return self._gap_levels(chosen)

    def _gap_levels(self, encoders: dict[Hashable, ColumnEncoder]) -> np.ndarray:
        is_gap = [np.zeros(k, dtype=bool) for k in self.layout_.cardinalities]
        for name, encoder in encoders.items():
            for slot in self.arrangement_.categorical[name]:
                is_gap[slot][-1] = encoder.has_gap_level
        return np.concatenate([np.empty(0, dtype=bool), *is_gap])

    def violations(self, X) -> np.ndarray:
        """Return which rows break a constraint, bool of shape (n,)."""
        frame = view(X)
        broken = [constraint.violations(frame) for constraint in self.constraints_]
        return np.any(broken, axis=0) if broken else np.zeros(len(frame), dtype=bool)

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

    def _types(self, frame: pd.DataFrame) -> dict[Hashable, str]:
        """Return the declared kinds; a column declared unique is a key if it can be one."""
        types = {name: kind for name, kind in (self.types or {}).items() if name not in self.dropped_}
        for constraint in self.constraints:
            if isinstance(constraint, Unique) and len(constraint.names) == 1 and constraint.names[0] in frame.columns:
                column = frame[constraint.names[0]]
                if pd.api.types.is_integer_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype):
                    types.setdefault(column.name, "key")
        return types

    def require_width(self, frame: pd.DataFrame, X) -> None:
        """Refuse an array with another number of columns in scikit-learn's words: it has no names to speak of."""
        n_features, expected = frame.shape[1], self.n_features_in_
        if self.container_.library == "numpy" and not isinstance(X, pd.DataFrame) and n_features != expected:
            name = type(self).__name__
            raise SchemaError(f"X has {n_features} features, but {name} is expecting {expected} features as input.")

    def _inner(self, X) -> pd.DataFrame:
        """The columns that are encoded, of a table as it comes."""
        check_is_fitted(self)
        frame = view(X)
        self.require_width(frame, X)
        frame = self._undropped(frame)
        self.schema_.validate(frame)
        inner = self._rewrite(frame)
        return inner if self.imputer_ is None else self.imputer_.transform(inner)

    def _undropped(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.drop(columns=[name for name in self.dropped_ if name in frame.columns])

    def _rewrite(self, frame: pd.DataFrame) -> pd.DataFrame:
        for constraint in self.constraints_:
            broken = constraint.violations(frame)
            if broken.any():
                row = int(broken.argmax())
                raise EncodingError(
                    f"rows of the table must obey {constraint}. Row {row} does not. Correct or drop it."
                )
            frame = constraint.transform(frame)
        return frame

    def _encode_rows(self, parts: dict[Hashable, tuple[pd.Series, object]], n: int) -> EncodedTable:
        """Encode columns, each given with the rows (an index array or slice) it fills."""
        low = np.full((n, self.layout_.n_numerical), -np.inf)
        high = np.full((n, self.layout_.n_numerical), np.inf)
        cat = np.zeros((n, self.layout_.n_categorical), dtype=np.int64)

        known = {name: column for name, (column, _) in parts.items()}

        def place(name: Hashable, encoder: ColumnEncoder) -> None:
            column, rows = parts[name]
            block = encoder.encode(column)
            if name in self.equalities_.sources:
                block = encoder.put_elsewhere(block, self.equalities_.repeated(name, known))
            low[rows, self.arrangement_.numerical[name]] = block.low
            high[rows, self.arrangement_.numerical[name]] = block.high
            for c, slot in enumerate(self.arrangement_.categorical[name]):
                cat[rows, slot] = block.cat[:, c]

        _for_each({name: self.encoders_[name] for name in parts}, place)
        return EncodedTable(self.layout_, low, high, cat)

    def _warn_of_keys(self, schema: TableSchema) -> None:
        for column in schema.columns:
            if isinstance(self.encoders_[column.name], KeyEncoder) and not column.is_declared:
                cure = "text" if column.kind == "text" else "categorical"
                warnings.warn(
                    f"column {column.name!r} is taken for a {column.kind} ({column.why}): it is not learned, and new "
                    f"values in its format are generated. To learn it, say types={{{column.name!r}: {cure!r}}}.",
                    UserWarning,
                    stacklevel=3,
                )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags


def _for_each(encoders: dict[Hashable, ColumnEncoder], act) -> None:
    """Call ``act(name, encoder)`` for all columns and raise what they refuse in one error."""
    refusals = []
    for name, encoder in encoders.items():
        try:
            act(name, encoder)
        except EncodingError as error:
            refusals.append(str(error))
    if refusals:
        raise EncodingError("\n".join(refusals))
