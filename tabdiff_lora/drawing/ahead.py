r"""Ahead: what a column with a rule holds, drawn before the rest of its row.

A rule such as ``between(30, 40)`` can be kept by drawing whole rows until it holds, which a rare range makes slow. But
a row that obeys is first a value that obeys and then the rest given that value,

.. math:: p(x \mid x_c \in A) = p(x_c \mid x_c \in A)\, p(x_{-c} \mid x_c),

so where the law of the value is at hand it is drawn at once, from that law restricted to A, and is *known* from there
on. It is at hand for every column of levels: an answer of the network at t = 1, where it sees what is known and nothing
else. It is at hand for a number as long as nothing is known, since the scores of a column are standard normal. With
several columns c, d, ... in turn, a row goes on with probability :math:`p(x_d \in B \mid x_c)` and starts over
otherwise: rejection again, but at the price of one call of the network instead of one per step of the sampler.

What cannot be had so is left to the rules (:class:`~tabdiff_lora.drawing.rules.Rules`), which see every drawn row.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import numpy as np
import torch
from scipy.special import ndtri
from torch import Generator

from tabdiff_lora.conditions import Condition
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion.categorical import category_probabilities
from tabdiff_lora.drawing.given import Given
from tabdiff_lora.table import TableEncoder

MAX_ROUNDS = 50  # rows that have to start over more often are left to the rules
N_POINTS = 4_096  # scores at which a range is looked for; of a rarer one whole rows would find nothing either
N_TRIED = 65_536  # values of a number at a time
MAX_TRIES = 250


class Ahead:
    """Draws the values of ruled columns as far as their law is at hand.

    Parameters
    ----------
    encoder : TableEncoder
    rules : mapping of column label to Condition
    forbidden : ndarray of shape (sum of K_c,), bool, optional
        Levels that are never drawn.
    is_blank : bool
        Whether nothing is known of the rows beforehand.

    Attributes
    ----------
    columns : list of RuledNumber and RuledLevels
        In the order in which they are drawn.
    """

    def __init__(
        self,
        encoder: TableEncoder,
        rules: Mapping[Hashable, Condition],
        forbidden: np.ndarray | None,
        *,
        is_blank: bool,
    ):
        bound = {name for constraint in encoder.constraints_ for name in constraint.names} | {
            *encoder.equalities_.sources
        }
        numbers, levels = [], []
        for name, rule in rules.items():
            if name not in encoder.encoders_ or name in bound:
                continue
            if encoder.encoders_[name].has_normal_score:
                numbers.append(RuledNumber(encoder, name, rule))
            elif len(encoder.encoders_[name].numerical_) == 0 and len(encoder.arrangement_.categorical[name]) == 1:
                levels.append(RuledLevels(encoder, name, rule, forbidden))
        numbers = [column for column in numbers if column.is_possible and is_blank]
        rarest = sorted(numbers, key=lambda column: column.share)[:1]
        self.columns = [*rarest, *(column for column in levels if column.is_exact)]

    def complete(self, given: Given, denoiser: Denoiser, generator: Generator, rng: np.random.Generator) -> None:
        """Write into what is known of n rows what could be drawn of their ruled columns."""
        waiting = np.arange(len(given))
        for _ in range(MAX_ROUNDS if self.columns else 0):
            rows, goes_on = given.of(waiting), np.ones(len(waiting), dtype=bool)
            for place, column in enumerate(self.columns):
                chance = column.draw(rows, denoiser, generator, rng)
                goes_on &= (place == 0) | (rng.random(len(waiting)) < chance)
            given.put(waiting[goes_on], rows.of(np.flatnonzero(goes_on)))
            waiting = waiting[~goes_on]
            if not len(waiting):
                return


class RuledLevels:
    """A column of levels with a rule.

    Parameters
    ----------
    encoder : TableEncoder
    name : column label
    rule : Condition
    forbidden : ndarray of shape (sum of K_c,), bool, optional

    Attributes
    ----------
    allowed : ndarray of shape (K,), bool
        Levels that obey.
    is_exact : bool
        Whether the level alone decides, and the rule forbids some and allows some.
    """

    def __init__(self, encoder: TableEncoder, name: Hashable, rule: Condition, forbidden: np.ndarray | None):
        self.name = name
        (self.slot,), layout = encoder.arrangement_.categorical[name], encoder.layout_
        self.logits, size = layout.logits_of(self.slot), layout.cardinalities[self.slot]
        can_be = np.ones(size, dtype=bool) if forbidden is None else ~forbidden[self.logits]
        once, again = (
            encoder.encoders_[name].decode(np.empty((size, 0)), np.arange(size)[:, None], np.random.default_rng(seed))
            for seed in (0, 1)
        )
        self.allowed = can_be & rule.met_by(once)
        self.is_exact = bool(
            once[can_be].equals(again[can_be]) and self.allowed.any() and (can_be & ~self.allowed).any()
        )

    def draw(self, given: Given, denoiser: Denoiser, generator: Generator, rng: np.random.Generator) -> np.ndarray:
        """Write a level into what is known of each row; return the chance of its rule, float of shape (n,)."""
        chances = level_law(given, denoiser, generator, rng)[:, self.logits] * self.allowed
        cumulative = chances.cumsum(axis=1)
        codes = (cumulative <= rng.random((len(given), 1)) * cumulative[:, -1:]).sum(axis=1)
        given.table.cat[:, self.slot] = np.minimum(codes, np.flatnonzero(self.allowed)[-1])
        given.cat[:, self.slot] = True
        return cumulative[:, -1]


class RuledNumber:
    """A column with a standard normal score, and perhaps states beside it, with a rule.

    Parameters
    ----------
    encoder : TableEncoder
    name : column label
    rule : Condition

    Attributes
    ----------
    share : float
        Of the numbers that obey, roughly, states left out.
    is_possible : bool
        Whether a number or a state was found that obeys.
    """

    def __init__(self, encoder: TableEncoder, name: Hashable, rule: Condition):
        self.encoder, self.name, self.rule, layout = encoder.encoders_[name], name, rule, encoder.layout_
        self.place = encoder.arrangement_.numerical[name].start
        self.slots = encoder.arrangement_.categorical[name]  # none or one
        self.logits = layout.logits_of(self.slots[0]) if self.slots else slice(0, 0)
        n_states = self.logits.stop - self.logits.start
        scores = ndtri((np.arange(N_POINTS) + 0.5) / N_POINTS)[:, None]
        self.share = float(self._obeying(scores, np.zeros((N_POINTS, len(self.slots)), int)).mean())
        states = np.arange(n_states)[:, None]
        self.is_possible = self.share > 0 or bool(self._obeying(np.zeros(states.shape), states).any())

    def draw(self, given: Given, denoiser: Denoiser, generator: Generator, rng: np.random.Generator) -> np.ndarray:
        """Write a score, and a state, into what is known of rows; as many rows as obeying values were found."""
        law = level_law(given, denoiser, generator, rng)[:, self.logits].mean(axis=0) if self.slots else np.ones(1)
        scores, codes, n_found = [], [], 0
        for _ in range(MAX_TRIES):
            score = rng.standard_normal((N_TRIED, 1)).astype(np.float32)
            code = rng.choice(len(law), size=(N_TRIED, 1), p=law / law.sum())[:, : len(self.slots)]
            good = self._obeying(score, code)
            scores.append(score[good])
            codes.append(code[good])
            n_found += good.sum()
            if n_found >= len(given):
                break
        rows = slice(0, min(n_found, len(given)))
        given.table.low[rows, self.place] = given.table.high[rows, self.place] = np.concatenate(scores)[rows, 0]
        given.num[rows, self.place] = True
        given.table.cat[rows, self.slots] = np.concatenate(codes)[rows]
        given.cat[rows, self.slots] = True
        return np.ones(len(given))

    def _obeying(self, scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return self.rule.met_by(self.encoder.decode(scores, codes))


def level_law(given: Given, denoiser: Denoiser, generator: Generator, rng: np.random.Generator) -> np.ndarray:
    """Probabilities of all levels given what is known of n rows and nothing else; float64 of shape (n, sum of K_c)."""
    conditioned = given.condition(denoiser, rng)
    t = torch.ones(1, device=generator.device)
    prediction = conditioned(conditioned.process.prior_sample(len(given), generator), t)
    return category_probabilities(prediction.cat_logits.double(), denoiser.process.layout).cpu().numpy()
