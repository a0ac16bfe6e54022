"""A request in the user's words becomes what is known of the rows and what else they must obey."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import Self

import numpy as np
import pandas as pd

from tabdiff_lora.conditions import Condition, IsMissing, OneOf
from tabdiff_lora.drawing.given import Given
from tabdiff_lora.errors import ConditionError, EncodingError
from tabdiff_lora.table import TableEncoder
from tabdiff_lora.table.containers import view
from tabdiff_lora.table.problem import Problem


@dataclass(frozen=True)
class Request:
    """What is asked of rows.

    Parameters
    ----------
    n_rows : int
    given : Given, optional
        What is known of them beforehand.
    rules : mapping of column label to Condition
        What drawn rows are held against.
    observed : DataFrame of one row or ``n_rows`` rows, optional
        Values, where they are present, that take the place of drawn ones.
    forbidden : ndarray of shape (sum of K_c,), bool, optional
        Levels that are never drawn.
    first_row : int
        Number of the first of the rows in the endless table of the seed.
    """

    n_rows: int
    given: Given | None = None
    rules: Mapping[Hashable, Condition] = field(default_factory=dict)
    observed: pd.DataFrame | None = None
    forbidden: np.ndarray | None = None
    first_row: int = 0

    @classmethod
    def read(
        cls, encoder: TableEncoder, n_samples: int | None, conditions=None, class_balance=None, first_row: int = 0
    ) -> Self:
        """Check and translate the arguments of ``sample``; raises ValueError or ConditionError."""
        is_table = conditions is not None and not isinstance(conditions, Mapping)
        if n_samples is None:
            n_samples = len(conditions) if is_table else 1
        if not isinstance(n_samples, Integral) or n_samples < 0:
            raise ValueError(f"n_samples of sample must be a whole number >= 0. Got {n_samples!r} instead.")
        if not isinstance(first_row, Integral) or first_row < 0:
            raise ValueError(f"first_row of sample must be a whole number >= 0. Got {first_row!r} instead.")
        if first_row and is_table:
            raise ConditionError(
                "conditions must be the same for all rows where first_row is not 0. Got a table instead."
            )
        given, rules, observed = None, {}, None
        if is_table:
            observed = view(conditions)
            given = given_frame(encoder, observed)
            if len(given) != n_samples:
                raise ValueError(f"n_samples must be the rows of conditions, {len(given)}. Got {n_samples} instead.")
        elif conditions:
            given, rules, observed = _divided(encoder, conditions)
        if class_balance is not None:
            shares = given_shares(encoder, class_balance)
            name = next(iter(class_balance)) if isinstance(class_balance, Mapping) else class_balance
            if is_table or name in (conditions or ()):
                raise ConditionError("class_balance needs conditions on other columns, the same for all rows.")
            given = shares if given is None else shares.joined_with(given)
        undrawn = encoder.undrawn_levels()
        return cls(int(n_samples), given, rules, observed, undrawn if undrawn.any() else None, int(first_row))


def _divided(encoder: TableEncoder, conditions: Mapping) -> tuple[Given | None, dict, pd.DataFrame | None]:
    """Divide conditions into what is known beforehand and what drawn rows are held against.

    A column that shall hold one value, or a gap, is known; so are columns that a constraint holds together, where each
    of them is given. Everything else is a rule.
    """
    conditions = {name: _as_condition(encoder, name, value) for name, value in conditions.items()}
    single = {name for name, condition in conditions.items() if _is_single(condition)}
    whole = {name for rule in encoder.constraints_ if single.issuperset(rule.names) for name in rule.names}
    known = [name for name in conditions if name in single and (name in encoder.encoders_ or name in whole)]
    rules = {name: condition for name, condition in conditions.items() if name not in known}
    if not known:
        return None, rules, None
    values = {name: [conditions[name].values[0]] for name in known if isinstance(conditions[name], OneOf)}
    observed = pd.DataFrame(values) if values else None
    given = Given.nothing(encoder.layout_, 1) if observed is None else given_frame(encoder, observed)
    for name in known:
        if name not in values:
            given = given.joined_with(_given_gap(encoder, name))
    return given, rules, observed


def given_frame(encoder: TableEncoder, frame: pd.DataFrame) -> Given:
    """What is known of rows that hold the present cells of a frame; absent columns and gaps are free.

    Raises
    ------
    ConditionError
        For a column that is not in the table, or a value that it cannot hold.
    """
    try:
        table, num, cat = encoder.encode_known(frame)
    except EncodingError as error:
        raise ConditionError(f"conditions must be values that the columns can hold. {error}") from error
    for name, column in frame.items():
        rows = np.flatnonzero(column.notna())
        misfits = rows[~encoder.encoders_[name].can_hold(column.iloc[rows])] if name in encoder.encoders_ else []
        if len(misfits):
            row, expected = int(misfits[0]), "inside the seen range and as precise as the seen values"
            raise ConditionError(str(Problem(name, expected, column.iloc[row], row, what="condition")).strip())
    return Given(table, num, cat)


def given_shares(encoder: TableEncoder, balance: Hashable | Mapping[Hashable, Mapping]) -> Given:
    """What is known of rows whose levels in one column have given shares.

    Parameters
    ----------
    encoder : TableEncoder
    balance : column label, or mapping of one column label to a mapping of level to share
        A label alone gives all its levels the same share.

    Raises
    ------
    ConditionError
        For a column without levels, a level that was never seen, or shares that are no shares.
    """
    shares = None
    if isinstance(balance, Mapping):
        if len(balance) != 1:
            raise ConditionError(f"class_balance must name one column. Got {list(balance)!r} instead.")
        balance, shares = next(iter(balance.items()))
    _require_column(encoder, balance)
    slots, layout = encoder.arrangement_.categorical.get(balance, []), encoder.layout_
    numbers = encoder.arrangement_.numerical.get(balance, slice(0, 0))
    if len(slots) != 1 or numbers.start < numbers.stop:
        raise ConditionError(f"class_balance must name a column of levels. Got {balance!r} instead.")
    if shares is None:
        codes = np.arange(layout.cardinalities[slots[0]] - encoder.encoders_[balance].has_gap_level)
        weights = np.full(len(codes), 1 / len(codes))
    else:
        shares = {level: share for level, share in shares.items() if share != 0}
        weights = np.array(list(shares.values()), dtype=float)
        if (weights < 0).any() or not np.isclose(weights.sum(), 1.0):
            raise ConditionError(f"shares of class_balance must be >= 0 and sum to 1. Got {shares!r} instead.")
        codes = given_frame(encoder, pd.DataFrame({balance: list(shares)})).table.cat[:, slots[0]]
    given = Given.nothing(encoder.layout_, len(codes))
    given.table.cat[:, slots[0]], given.cat[:, slots[0]] = codes, True
    return replace(given, shares=weights)


def _as_condition(encoder: TableEncoder, name: Hashable, value: object) -> Condition:
    _require_column(encoder, name)
    if isinstance(value, Condition):
        return value
    if not pd.api.types.is_scalar(value):
        raise ConditionError(f"condition on {name!r} must be one value. Got {value!r} instead. Use one_of([...]).")
    if pd.isna(value):
        raise ConditionError(f"condition on {name!r} must be a value. Got {value!r} instead. Use is_missing().")
    return OneOf((value,))


def _require_column(encoder: TableEncoder, name: Hashable) -> None:
    if name not in encoder.schema_.names:
        learned = ", ".join(map(repr, encoder.schema_.names))
        raise ConditionError(f"conditions must be on columns of the table ({learned}). Got {name!r} instead.")


def _is_single(condition: Condition) -> bool:
    return isinstance(condition, IsMissing) or (isinstance(condition, OneOf) and len(condition.values) == 1)


def _given_gap(encoder: TableEncoder, name: Hashable) -> Given:
    """One row with a gap in a column."""
    given, slots = Given.nothing(encoder.layout_, 1), encoder.arrangement_
    for slot in slots.categorical[name]:
        given.table.cat[0, slot] = encoder.layout_.cardinalities[slot] - 1  # the gap, where a column has one
        given.cat[0, slot] = True
    given.num[0, slots.numerical[name]] = True
    if not encoder.decode_frame(given.table.centre(), given.table.cat)[name].isna().all():
        raise ConditionError(f"condition on {name!r} must be possible. Got is_missing() instead: it never has a gap.")
    return given
