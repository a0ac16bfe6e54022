"""Rules: what every drawn row must obey, and how often it did."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from tabdiff_lora.conditions import Condition
from tabdiff_lora.table import Constraint, KeyEncoder, TableEncoder, Unique


class Rules:
    """The constraints of a table and the conditions of a draw; counts what met them.

    Parameters
    ----------
    encoder : TableEncoder
        Its constraints count, but for keys: those are issued, not drawn.
    conditions : mapping of column label to Condition
    """

    def __init__(self, encoder: TableEncoder, conditions: Mapping[Hashable, Condition]):
        keys = {name for name, column in encoder.encoders_.items() if isinstance(column, KeyEncoder)}
        self.constraints = [rule for rule in encoder.constraints_ if not _is_about(rule, keys)]
        self.conditions = dict(conditions)
        self.n_drawn, self.n_met = 0, {}
        self._kept = {str(rule): np.empty(0, np.uint64) for rule in self.constraints if isinstance(rule, Unique)}

    @property
    def bind_rows(self) -> bool:
        """Whether a row must suit those before it."""
        return bool(self._kept)

    def met_by(self, frame: pd.DataFrame) -> np.ndarray:
        """Return which drawn rows obey every rule, bool of shape (n,)."""
        answers = {str(rule): ~self._broken(rule, frame) for rule in self.constraints}
        answers |= {f"{rule} on {name!r}": rule.met_by(frame[name]) for name, rule in self.conditions.items()}
        self.n_drawn += len(frame)
        self.n_met = {name: self.n_met.get(name, 0) + int(met.sum()) for name, met in answers.items()}
        return np.all([*answers.values(), np.ones(len(frame), dtype=bool)], axis=0)

    def keep(self, frame: pd.DataFrame) -> None:
        """Take rows for kept: later ones may not repeat what is unique."""
        for rule in self.constraints:
            if isinstance(rule, Unique):
                hashes = _hashes(rule, frame)
                self._kept[str(rule)] = np.union1d(self._kept[str(rule)], hashes[hashes > 0])

    def hardest(self) -> str:
        """Say which rule the fewest rows met."""
        rule, n_met = min(self.n_met.items(), key=lambda item: item[1])
        return f"{rule}, which {n_met:,} of {self.n_drawn:,} drawn rows did"

    def _broken(self, rule: Constraint, frame: pd.DataFrame) -> np.ndarray:
        broken = rule.violations(frame)
        if isinstance(rule, Unique):
            return broken | np.isin(_hashes(rule, frame), self._kept[str(rule)])
        return broken


def _is_about(rule: Constraint, keys: set[Hashable]) -> bool:
    return isinstance(rule, Unique) and not keys.isdisjoint(rule.names)


def _hashes(rule: Unique, frame: pd.DataFrame) -> np.ndarray:
    """Return a number for what must be unique in each row, 0 where it has a gap; uint64 of shape (n,)."""
    whole = frame[rule.names].notna().all(axis=1).to_numpy(dtype=bool)
    return np.where(whole, pd.util.hash_pandas_object(frame[rule.names], index=False).to_numpy(), 0)
