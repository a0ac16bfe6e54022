"""Problem: one thing that is wrong with a table, in the sentence form every error of this room uses."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from tabdiff_lora.errors import EncodingError


@dataclass(frozen=True)
class Problem:
    """``<what> of column <column> must be <expected>. Got <got> (row <row>) instead. <cure>``.

    Parameters
    ----------
    column : label of the column
    expected : str
        What should have been there, as it reads after "must be".
    got : object
        The offending value; a ``str`` subclass such as ``Phrase`` is printed bare.
    row : int, optional
        Position of the first offending row, counted from 0.
    cure : str
        What the caller can do about it.
    what : str, default="values"
    """

    column: Hashable
    expected: str
    got: object
    row: int | None = None
    cure: str = ""
    what: str = "values"

    def __str__(self) -> str:
        got = self.got.item() if isinstance(self.got, np.generic) else self.got
        shown = str(got) if isinstance(got, Phrase) else repr(got)
        place = "" if self.row is None else f" (row {self.row})"
        return f"{self.what} of column {self.column!r} must be {self.expected}. Got {shown}{place} instead. {self.cure}"


class Phrase(str):
    """A description rather than a value: printed without quotation marks."""


def refuse(column: Hashable, expected: str, got: object, row: int | None = None, cure: str = "") -> NoReturn:
    """Raise the EncodingError that says so."""
    raise EncodingError(str(Problem(column, expected, got, row, cure)).strip())


def sentences(problems: Iterable[Problem]) -> str:
    """All problems of a table in one message: the sentence itself if there is one, else one line each."""
    lines = [str(problem).strip() for problem in problems]
    if len(lines) == 1:
        return lines[0]
    return f"the table has {len(lines)} problems:\n" + "\n".join(f"- {line}" for line in lines)
