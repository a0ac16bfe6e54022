"""CategoricalEncoder: any column of repeated values as codes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tabdiff_lora.table.dtypes import assemble, dtype_to_text, missing_marker
from tabdiff_lora.table.encoders.base import MISSING, Block, ColumnEncoder

RARE = "(rare)"
"""The text of the level that stands for all grouped levels."""


class CategoricalEncoder(ColumnEncoder):
    """Levels as codes: strings, pandas categories (order and unused levels kept), or numbers used as labels.

    Exact, except that rare levels, once grouped, are decoded by a draw from their frequencies.

    Parameters
    ----------
    min_count : int, default=1
        Levels seen fewer times are grouped into one.
    max_categories : int, default=10_000
        Most levels kept; the rarest beyond are grouped.
    missing : {"generate", "never"}, default="generate"
        Whether decoding may return missing values where the column had gaps; "never" puts a draw from the seen
        frequencies in their place.

    Examples
    --------
    >>> import pandas as pd
    >>> from tabdiff_lora.table.encoders import CategoricalEncoder
    >>> encoder = CategoricalEncoder().fit(pd.Series(["b", "a", None, "b"], name="letter"))
    >>> encoder.categories_
    (('a', 'b', '(missing)'),)
    """

    def __init__(self, *, min_count=1, max_categories=10_000, missing="generate"):
        self.min_count = min_count
        self.max_categories = max_categories
        self.missing = missing

    def _fit(self, column: pd.Series) -> None:
        self.marker_ = missing_marker(column)
        levels, counts = self._levels(column)
        is_common = counts >= self.min_count
        if len(levels) > self.max_categories:
            is_common &= np.argsort(np.argsort(-counts, kind="stable"), kind="stable") < self.max_categories - 1
        if (~is_common).sum() == 1:
            is_common[:] = True
        order = np.concatenate([np.flatnonzero(is_common), np.flatnonzero(~is_common)])
        self.levels_ = levels[order].tolist()
        self.level_counts_ = counts[order]
        self.n_common_ = int(is_common.sum())
        self.has_rare_ = self.n_common_ < len(self.levels_)
        self.has_missing_ = bool(column.isna().any())
        texts = tuple(str(level) for level in self.levels_[: self.n_common_])
        texts += (RARE,) * self.has_rare_ + (MISSING,) * self.has_missing_
        if len(texts) > 1:
            self.categorical_, self.categories_ = (str(self.name_),), (texts,)

    def _levels(self, column: pd.Series) -> tuple[pd.Index, np.ndarray]:
        """Return the seen levels in their natural order and how often each was seen."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            self.dtype_levels_ = column.cat.categories.tolist()
            self.level_dtype_ = dtype_to_text(column.cat.categories.dtype)
            self.ordered_ = bool(column.cat.ordered)
            counts = np.bincount(column.cat.codes + 1, minlength=len(self.dtype_levels_) + 1)[1:]
            return column.cat.categories[counts > 0], counts[counts > 0]
        code, levels = pd.factorize(column)
        levels = pd.Index(levels, dtype=column.dtype)
        counts = np.bincount(code[code >= 0], minlength=len(levels))
        if levels.inferred_type.startswith("mixed") and levels.map(type).nunique() > 1:
            kinds = column.map(type)
            row = int(np.flatnonzero(column.notna() & (kinds != kinds[column.notna()].iloc[0]))[0])
            self._refuse("of one type", column.iloc[row], row, "Convert them all to text.")
        order = levels.argsort()
        return levels[order], counts[order]

    def _encode(self, column: pd.Series) -> Block:
        code = self.codes(column)
        missing = code < 0
        if missing.any() and not self.has_missing_:
            row = int(missing.argmax())
            self._refuse("present, as in fit", "a missing value", row, "Fill it, or fit on data with gaps.")
        code = np.where(missing, self.n_common_ + self.has_rare_, np.minimum(code, self.n_common_))
        return Block(*np.empty((2, len(code), 0)), code[:, None][:, : len(self.categorical_)])

    def _decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator) -> pd.Series:
        code = cat[:, 0].copy() if self.categorical_ else np.zeros(len(num), dtype=np.int64)
        missing = code == self.n_common_ + self.has_rare_
        if self.has_rare_:
            rare = code == self.n_common_
            code[rare] = self._draw(int(rare.sum()), self.n_common_, rng)
        fill = self.missing == "never" and self.levels_
        code[missing] = self._draw(int(missing.sum()), 0, rng) if fill else -1
        return self.column(code)

    def _draw(self, size: int, first: int, rng: np.random.Generator) -> np.ndarray:
        """Draw levels ``first ..`` by their frequencies."""
        counts = self.level_counts_[first:]
        return first + rng.choice(len(counts), size=size, p=counts / counts.sum())

    def codes(self, column: pd.Series) -> np.ndarray:
        """Return the position in ``levels_`` of each value, int64 (n,), -1 where absent; an unseen one is refused."""
        if isinstance(column.dtype, pd.CategoricalDtype):
            code = np.append(self._index().get_indexer(column.cat.categories), -1)[column.cat.codes]
        else:
            code = self._index().get_indexer(pd.Index(column, dtype=column.dtype))
        unseen = (code < 0) & column.notna().to_numpy(dtype=bool)
        if unseen.any():
            row = int(unseen.argmax())
            self._refuse("among the levels seen in fit", column.iloc[row], row, "Fit again with it, or drop the row.")
        return code.astype(np.int64)

    def _index(self) -> pd.Index:
        """The seen levels in code order, in their own dtype."""
        dtype = self.level_dtype_ if self.dtype_ == "category" else self.dtype_
        levels = assemble(self.levels_, np.zeros(len(self.levels_), dtype=bool), dtype)
        return pd.Index(levels, dtype=levels.dtype)

    def column(self, code: np.ndarray) -> pd.Series:
        """Return the level of each code (n,), missing where it is -1."""
        if self.dtype_ == "category":
            levels = assemble(self.dtype_levels_, np.zeros(len(self.dtype_levels_), dtype=bool), self.level_dtype_)
            dtype = pd.CategoricalDtype(pd.Index(levels), ordered=self.ordered_)
            position = np.append(dtype.categories.get_indexer(self._index()), -1)
            return pd.Series(pd.Categorical.from_codes(position[code], dtype=dtype))
        if not self.levels_:
            return assemble([None] * len(code), code < 0, self.dtype_, self.marker_)
        taken = self._index().take(np.maximum(code, 0))
        present = pd.Series(taken, dtype=taken.dtype)
        return assemble(present, code < 0, self.dtype_, self.marker_) if (code < 0).any() else present
