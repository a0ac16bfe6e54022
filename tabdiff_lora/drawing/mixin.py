"""The drawing half of the synthesizer: what a user may ask of it once it is fitted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tabdiff_lora.drawing.blocks import RowBlocks
from tabdiff_lora.drawing.gaps import Gaps
from tabdiff_lora.drawing.request import Request
from tabdiff_lora.randomness import seed_sequence, stream
from tabdiff_lora.tablefile import write_chunks


class DrawingMixin:
    """Draws rows: all at once, in chunks, into a file, or into the gaps of a table.

    Attributes
    ----------
    encoder_ : TableEncoder
        After ``fit``.
    """

    @abstractmethod
    def _row_blocks(self, root: np.random.SeedSequence, request: Request) -> RowBlocks:
        """The blocks that answer a request."""

    def sample(
        self,
        n_samples: int | None = None,
        *,
        conditions=None,
        class_balance=None,
        first_row: int = 0,
        random_state=None,
    ):
        """Draw new rows.

        Parameters
        ----------
        n_samples : int >= 0, optional
            By default one row, or one for each row of a table of ``conditions``.
        conditions : dict or table, optional
            What the rows shall hold. A dict of column to value, or to :func:`between`, :func:`one_of`,
            :func:`is_missing`, :func:`is_present`, holds for every row. A table has one row per draw; its empty cells,
            and the columns it lacks, are free.
        class_balance : column label or dict, optional
            ``"income"`` draws all levels of that column equally often, ``{"income": {">50K": 0.2, "<=50K": 0.8}}`` in
            these shares; exactly, up to rounding.
        first_row : int >= 0, default=0
            Where to begin in the endless table that a seed stands for: ``sample(100, first_row=200, random_state=0)``
            are the last 100 rows of ``sample(300, random_state=0)``, so machines can share a large table.
        random_state : int, RandomState or None, default=None
            A seed always gives the same rows. None continues the estimator's own stream: the first call after ``fit``
            is repeatable if the estimator has a ``random_state``, the second gives other rows.

        Returns
        -------
        The container of the fitted table (DataFrame, array, ...) with exactly ``n_samples`` rows, the same columns and
        dtypes and a fresh index.

        Raises
        ------
        ValueError
            If ``n_samples`` or ``first_row`` is negative or no whole number, or ``first_row`` is not 0 where ``Unique``
            makes rows depend on those before them.
        ConditionError
            For a condition on an unknown column or with a value that the column cannot hold, and for a table of
            conditions beside ``first_row``.
        SamplingError
            If a number stops being finite on the way, or a condition or constraint cannot be kept by so many rows;
            ``partial`` then holds those that keep it.
        """
        check_is_fitted(self)
        request = Request.read(self.encoder_, n_samples, conditions, class_balance, first_row)
        rows = self._row_blocks(self._next_root(random_state), request).frame()
        return self.encoder_.container_.close(rows)

    def iter_samples(
        self,
        n_samples: int,
        chunk_size: int = 10_000,
        *,
        conditions=None,
        class_balance=None,
        first_row: int = 0,
        random_state=None,
    ) -> Iterator:
        """Draw rows in chunks, in memory that does not grow with their number.

        Parameters
        ----------
        n_samples : int >= 0
        chunk_size : int >= 1, default=10_000
            Rows of each chunk but the last. The rows do not depend on it: chunk by chunk they are those of
            :meth:`sample` with the same seed.
        conditions, class_balance, first_row, random_state
            See :meth:`sample`.

        Yields
        ------
        The container of the fitted table, its index counting on from ``first_row`` from chunk to chunk.
        """
        chunks = self._chunks(n_samples, chunk_size, (conditions, class_balance, first_row), random_state)
        return map(self.encoder_.container_.close, chunks)

    def sample_to(
        self, path, n_samples: int, *, conditions=None, class_balance=None, first_row: int = 0, random_state=None
    ) -> None:
        """Draw rows into a csv or parquet file, in memory that does not grow with their number.

        Parameters
        ----------
        path : str or Path ending in ``.csv``, ``.csv.gz`` or ``.parquet``, or an open text file, which gets csv
        n_samples : int >= 0
        conditions, class_balance, first_row, random_state
            See :meth:`sample`.
        """
        write_chunks(self._chunks(n_samples, 10_000, (conditions, class_balance, first_row), random_state), path)

    def impute(self, X, n_draws: int = 1, *, random_state=None):
        """Fill the gaps of a table with draws given what is present.

        Parameters
        ----------
        X : table of shape (n, at most p)
            Columns of the fitted table, in any order and any container; those it lacks count as unknown.
        n_draws : int, default=1
            Several completed tables tell how uncertain the gaps are (multiple imputation).
        random_state : int, RandomState or None, default=None
            See :meth:`sample`.

        Returns
        -------
        The container of X, or a list of ``n_draws`` of them: present cells, index and dtypes are those of X. A column
        that was empty in ``fit`` stays empty.

        Raises
        ------
        SchemaError, EncodingError
            For a column or a value that was not there in ``fit``.
        SamplingError
            If the present cells of a row leave no way to keep a constraint.
        """
        check_is_fitted(self)
        if not isinstance(n_draws, Integral) or n_draws < 1:
            raise ValueError(f"n_draws of impute must be a whole number >= 1. Got {n_draws!r} instead.")
        gaps, root = Gaps(self.encoder_, X), self._next_root(random_state)
        draws = [self._row_blocks(stream(root, draw), gaps.request) for draw in range(n_draws)]
        tables = [gaps.filled(rows.frame()) for rows in draws]
        return tables[0] if n_draws == 1 else tables

    def _begin_stream(self, root: np.random.SeedSequence) -> None:
        """Start the stream of calls that name no seed of their own."""
        self._sample_root, self._n_draws = root, 0

    def _next_root(self, random_state) -> np.random.SeedSequence:
        """The randomness of a call: a seed's own, or the next of the estimator's."""
        if random_state is not None:
            return seed_sequence(random_state)
        self._n_draws += 1
        return stream(self._sample_root, self._n_draws - 1)

    def _chunks(self, n_samples, chunk_size, asked: tuple, random_state) -> Iterator[pd.DataFrame]:
        check_is_fitted(self)
        if not isinstance(chunk_size, Integral) or chunk_size < 1:
            raise ValueError(f"chunk_size must be a whole number >= 1. Got {chunk_size!r} instead.")
        request = Request.read(self.encoder_, n_samples, *asked)
        return self._row_blocks(self._next_root(random_state), request).chunks(int(chunk_size))
