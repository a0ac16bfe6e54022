"""NumericalEncoder: numbers as intervals of normal scores, with explicit states for heavy values and gaps."""

from __future__ import annotations

from decimal import Decimal
from numbers import Number

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from tabdiff_lora.table.dtypes import assemble, missing_marker
from tabdiff_lora.table.encoders.base import MISSING, Block, ColumnEncoder
from tabdiff_lora.table.encoders.grid import Grid
from tabdiff_lora.table.encoders.heaping import Heaping
from tabdiff_lora.table.encoders.marginals import AffineMarginal, QuantileMarginal, TransformerMarginal
from tabdiff_lora.table.encoders.numbers import split_numbers

NUMBER = "(number)"
"""The text of the state in which the numerical dimension holds the value."""

GAP = -1.0
"""Where a gap lies among the features of a column, whose values lie from 0 to 1."""

STRATEGIES = {"quantile": QuantileMarginal.fit, "standard": AffineMarginal.standard, "robust": AffineMarginal.robust}


class NumericalEncoder(ColumnEncoder):
    """Numbers of any dtype: floats, integers, decimals, with or without gaps.

    The column becomes up to two dimensions. The *number* is a normal score (see ``QuantileMarginal``); the *state* is a
    category with one level per atom (a value held exactly), one for missing and one for "the number holds it", or
    several where numbers are often round (see ``Heaping``). A column with few distinct values is held by its state
    alone, one without atoms, gaps and round numbers by its number alone.

    Every seen value comes back exactly from float64 scores; from float32 ones (about seven digits), tied values,
    integers and decimals do. Integers that span more than 2^53 steps of their grid are rounded. A column with more than
    ``max_knots`` distinct values keeps that many quantiles, and others are then exact up to rounding. Drawn values
    lie on the learned grid, e.g. two decimals or multiples of 500.

    Parameters
    ----------
    strategy : {"quantile", "standard", "robust"} or transformer, default="quantile"
        How numbers become scores. A scikit-learn transformer must have a true inverse, e.g. ``PowerTransformer()``.
    atoms : "auto", "all", None, float in (0, 1] or list of values, default="auto"
        Which values get a state of their own. A float asks for values with at least that share of the rows; "all" for
        every value; "auto" for every value of a column with at most ``max_levels`` distinct ones (each seen
        ``min_repeats`` times on average), and otherwise for values with a share of ``atom_mass`` and as many repeats.
    max_levels : int, default=20
    min_repeats : int, default=10
    atom_mass : float, default=0.1
    missing : {"generate", "never"}, default="generate"
        Whether decoding may return missing values where the column had gaps; "never" puts a draw from the seen
        frequencies in their place.
    extrapolate : bool, default=False
        Whether decoding may leave the seen range.
    smooth : bool, default=True
        Whether the "quantile" strategy smooths the law of the column (see ``SmoothLaw``) instead of repeating the
        frequencies of the training rows.
    heaping : bool, default=False
        Whether numbers that are often multiples of 10, 100, ... have states that say so (see ``Heaping``). Then drawn
        ones are round in the same rows as the seen ones are; a critic by trees, who hardly sees that, finds the rest
        of them a little less real.
    max_knots : int, default=100_000
    elsewhere : tuple of str, default=()
        Further states, in which the value stands in another column; what they decode to is replaced by that value (see
        ``Equalities``).

    Examples
    --------
    >>> import pandas as pd
    >>> from tabdiff_lora.table.encoders import NumericalEncoder
    >>> encoder = NumericalEncoder(atoms=None).fit(pd.Series([1.5, 0.0, 0.0, None], name="rain"))
    >>> encoder.get_feature_names_out().tolist()
    ['rain', 'rain state']
    >>> encoder.inverse_transform(encoder.transform(pd.Series([0.0, 1.5, None]))).tolist()
    [0.0, 1.5, nan]
    """

    def __init__(
        self,
        strategy="quantile",
        *,
        atoms="auto",
        max_levels=20,
        min_repeats=10,
        atom_mass=0.1,
        missing="generate",
        extrapolate=False,
        smooth=True,
        heaping=False,
        max_knots=100_000,
        elsewhere=(),
    ):
        self.strategy = strategy
        self.atoms = atoms
        self.max_levels = max_levels
        self.min_repeats = min_repeats
        self.atom_mass = atom_mass
        self.missing = missing
        self.extrapolate = extrapolate
        self.smooth = smooth
        self.heaping = heaping
        self.max_knots = max_knots
        self.elsewhere = elsewhere

    def _fit(self, column: pd.Series) -> None:
        values, missing = split_numbers(column)
        if missing.all():
            self._refuse("at least one number", "only missing values", cure="Use ConstantEncoder.")
        self.marker_ = missing_marker(column)
        self.places_ = _decimal_places(column[~missing])
        values = values[~missing]
        self.grid_ = Grid.fit(values)
        support, counts = np.unique(self._count(values), return_counts=True)

        self.range_ = float(support[0]), float(support[-1])
        is_atom = self._choose_atoms(support, counts)
        self.atoms_ = support[is_atom]
        self.has_number_ = not is_atom.all()
        self.has_missing_ = bool(missing.any())
        number, rows = support[~is_atom], counts[~is_atom]
        self.heaping_ = Heaping.find(self.grid_, number, rows) if self.heaping else None
        self.n_levels_ = len(self.heaping_) if self.heaping_ else int(self.has_number_)
        in_level = self._level_of(number)
        levels = [in_level == level for level in range(self.n_levels_)]
        self.state_counts_ = np.concatenate([[rows[level].sum() for level in levels], counts[is_atom]])
        self.marginals_ = [
            self._fit_marginal(self._place(number[chosen], level), rows[chosen]) for level, chosen in enumerate(levels)
        ]
        if self.has_number_:
            self.numerical_ = (str(self.name_),)
        rounds = self.heaping_.texts() if self.heaping_ else ()
        states = (NUMBER,) * self.has_number_ + rounds + self._texts() + self.elsewhere + (MISSING,) * self.has_missing_
        if len(states) > 1:
            self.categorical_ = (f"{self.name_} state" if self.has_number_ else str(self.name_),)
            self.categories_ = (states,)

    def _encode(self, column: pd.Series) -> Block:
        values, missing = split_numbers(column)
        x = self._count(values)
        state = np.zeros(len(x), dtype=np.int64)
        is_number = ~missing
        if len(self.atoms_):
            nearest = np.minimum(np.searchsorted(self.atoms_, x), len(self.atoms_) - 1)
            is_atom = (self.atoms_[nearest] == x) & ~missing
            state[is_atom] = self.n_levels_ + nearest[is_atom]
            is_number &= ~is_atom
        if self.has_missing_:
            state[missing] = len(self.categories_[0]) - 1
        elif missing.any():
            self._refuse(
                "present, as in fit", "a missing value", int(missing.argmax()), "Fill it, or fit on data with gaps."
            )
        if is_number.any() and not self.has_number_:
            row = int(is_number.argmax())
            cure = "Fit on data that has it, or use NumericalEncoder(atoms=None)."
            self._refuse("among the few values seen in fit", column.iloc[row], row, cure)
        low = np.full((len(x), len(self.numerical_)), -np.inf)
        high = np.full((len(x), len(self.numerical_)), np.inf)
        if self.has_number_:
            state[is_number] = self._level_of(x[is_number])
        for level, marginal in enumerate(self.marginals_):
            rows = is_number & (state == level)
            low[rows, 0], high[rows, 0] = marginal.encode(self._place(x[rows], level))
        return Block(low, high, state[:, None][:, : len(self.categorical_)])

    def _decode(self, num: np.ndarray, cat: np.ndarray, rng: np.random.Generator) -> pd.Series:
        state = cat[:, 0].copy() if self.categorical_ else np.zeros(len(num), dtype=np.int64)
        state[self.held_elsewhere(cat) >= 0] = 0
        missing = state == self._first_elsewhere + len(self.elsewhere)
        if missing.any() and self.missing == "never":
            law = self.state_counts_ / self.state_counts_.sum()
            state[missing] = rng.choice(len(law), size=int(missing.sum()), p=law)
            missing = np.zeros(len(state), dtype=bool)
        x = np.zeros(len(state))
        for level, marginal in enumerate(self.marginals_):
            rows = state == level
            x[rows] = self._number(marginal.decode(num[rows, 0].astype(np.float64)), level)
        is_atom = (state >= self.n_levels_) & ~missing
        if is_atom.any():
            x[is_atom] = self.atoms_[state[is_atom] - self.n_levels_]
        values = self._value(x)
        if self.places_ is not None:
            values = [Decimal(f"{value:.{self.places_}f}") for value in values.tolist()]
        return assemble(values, missing, self.dtype_, self.marker_)

    def _features(self, column: pd.Series) -> np.ndarray:
        """Where each value lies between the least and the greatest seen one, a gap below both; shape (n, 1)."""
        values, missing = split_numbers(column)
        least, greatest = self.range_
        place = (self._count(values) - least) / ((greatest - least) or 1.0)
        return np.where(missing, GAP, place)[:, None]

    def put_elsewhere(self, block: Block, source: np.ndarray) -> Block:
        """Return the block with the values of some rows held by other columns.

        Parameters
        ----------
        block : Block
        source : ndarray of shape (n,), int64
            Which of ``elsewhere`` holds the value; -1 where none does.
        """
        away = source >= 0
        cat = np.where(away[:, None], self._first_elsewhere + source[:, None], block.cat)
        return Block(np.where(away[:, None], -np.inf, block.low), np.where(away[:, None], np.inf, block.high), cat)

    def held_elsewhere(self, cat: np.ndarray) -> np.ndarray:
        """Return which of ``elsewhere`` holds the value of each row of codes (n, c), or -1; int64 of shape (n,)."""
        if not self.elsewhere:
            return np.full(len(cat), -1)
        source = cat[:, 0] - self._first_elsewhere
        return np.where((source >= 0) & (source < len(self.elsewhere)), source, -1)

    @property
    def _first_elsewhere(self) -> int:
        """Code of the first state that is held elsewhere: they stand between the atoms and the gap."""
        return self.n_levels_ + len(self.atoms_)

    def can_hold(self, column: pd.Series) -> np.ndarray:
        """Return which values are on the grid of the column and inside its seen range, bool of shape (n,)."""
        values, _ = split_numbers(column)
        x = self._count(values)
        return (x >= self.range_[0]) & (x <= self.range_[1]) & ((self.grid_ is None) | (x == np.rint(x)))

    @property
    def has_normal_score(self) -> bool:
        """Whether the number's score is standard normal, as that of the "quantile" strategy is."""
        return self.has_number_ and all(isinstance(marginal, QuantileMarginal) for marginal in self.marginals_)

    def atom_values(self) -> np.ndarray:
        """Return the values that have a state of their own, in code order."""
        return self._value(self.atoms_)

    @staticmethod
    def _upgraded(state: dict[str, object]) -> dict[str, object]:
        """Attributes as they are now, of an encoder that was saved when all numbers of a column had one law."""
        if "has_number_" not in state or "marginals_" in state:
            return state
        state = dict(state)
        marginals = [state.pop("marginal_")] if state["has_number_"] else []
        return state | {"marginals_": marginals, "n_levels_": len(marginals), "heaping_": None}

    def _choose_atoms(self, support: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Return which distinct values become states, bool of shape (k,)."""
        share = counts / counts.sum()
        if self.atoms is None:
            is_atom = np.zeros(len(support), dtype=bool)
        elif isinstance(self.atoms, str) and self.atoms == "all":
            is_atom = np.ones(len(support), dtype=bool)
        elif isinstance(self.atoms, str) and self.atoms == "auto":
            few = len(support) <= self.max_levels and counts.sum() >= self.min_repeats * len(support)
            is_atom = few | ((share >= self.atom_mass) & (counts >= self.min_repeats))
        elif isinstance(self.atoms, Number):
            is_atom = share >= self.atoms
        else:
            is_atom = np.isin(support, self._count(np.asarray(self.atoms)))
        rest_is_constant = is_atom.any() and (~is_atom).sum() == 1
        return np.ones(len(support), dtype=bool) if rest_is_constant else is_atom

    def _fit_marginal(self, support: np.ndarray, counts: np.ndarray):
        options = {
            "max_knots": self.max_knots,
            "extrapolate": self.extrapolate,
            "smooth": self.smooth,
            "gridded": self.grid_ is not None,
        }
        if isinstance(self.strategy, str) and self.strategy in STRATEGIES:
            return STRATEGIES[self.strategy](support, counts, **options)
        if isinstance(self.strategy, BaseEstimator):
            return TransformerMarginal.fit(self.strategy, support, counts, **options)
        raise ValueError(
            f"strategy of NumericalEncoder must be one of {sorted(STRATEGIES)} or a transformer. "
            f"Got {self.strategy!r} instead."
        )

    def _level_of(self, x: np.ndarray) -> np.ndarray:
        """State of numbers that are no atoms: how round they are; int64 of shape (n,)."""
        return self.heaping_.level_of(x) if self.heaping_ else np.zeros(len(x), dtype=np.int64)

    def _place(self, x: np.ndarray, level: int) -> np.ndarray:
        return self.heaping_.place(x, level) if self.heaping_ else x

    def _number(self, place: np.ndarray, level: int) -> np.ndarray:
        return self.heaping_.number(place, level) if self.heaping_ else place

    def _count(self, values: np.ndarray) -> np.ndarray:
        return values.astype(np.float64) if self.grid_ is None else self.grid_.to_count(values)

    def _value(self, x: np.ndarray) -> np.ndarray:
        return x if self.grid_ is None else self.grid_.from_count(x)

    def _texts(self) -> tuple[str, ...]:
        return tuple(np.format_float_positional(value, trim="-") for value in self.atom_values().astype(float))


def _decimal_places(present: pd.Series) -> int | None:
    """Return how many places ``Decimal`` objects have, None for anything else."""
    if present.dtype != object or not isinstance(present.iloc[0], Decimal):
        return None
    return max(0, *(-value.as_tuple().exponent for value in present))
