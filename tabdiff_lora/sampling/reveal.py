"""CategoryReveal: the categorical half of the walk, one step of it drawn from the mixture over x_0.

With the mask process each entry is revealed once. *When* is drawn beforehand:

- "independent": when ``keep(s)`` passes a uniform threshold of the entry's own: the ancestral sampler;
- "stratified": the thresholds of a row are evenly spread, in a random order of its columns. Entry by entry the law is
  the same, but the columns of a row are revealed one after the other: any-order autoregression, without the error of
  drawing several dependent columns at once;
- a number k: k columns of a row at a time, in a random order, at steps evenly spread over the walk; with k = 1 that is
  any-order autoregression on every grid.

*What* is drawn from the network's answer, whose margins are raked to those of the training rows where the process knows
them (:mod:`tabdiff_lora.sampling.raking`), and without what never occurs beside the levels that a row shows already
(:mod:`tabdiff_lora.sampling.exclusion`).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from tabdiff_lora.diffusion.categorical import category_probabilities, draw_categories, expected_codes
from tabdiff_lora.diffusion.mixed import TableDiffusion
from tabdiff_lora.sampling.exclusion import Exclusion
from tabdiff_lora.sampling.raking import Raking
from tabdiff_lora.stratified import balanced_uniforms


class CategoryReveal:
    """Draws the categorical half of x_s.

    Parameters
    ----------
    process : TableDiffusion
    n_rows : int
    order : {"stratified", "independent"} or int
    grid : Tensor of shape (S,)
        Times of the walk, from 1 to 0.
    generator : Generator
    rake : bool, default=True
        Whether masked categories are raked to the margins of the process, if it has any.
    exclude : bool, default=True
        Whether masked categories keep clear of the pairs that never occur, if the process knows any.
    """

    def __init__(
        self,
        process: TableDiffusion,
        n_rows: int,
        order: str | int,
        grid: Tensor,
        generator: Generator,
        *,
        rake: bool = True,
        exclude: bool = True,
    ):
        self.process, self.generator = process.categorical, generator
        is_masked = process.categorical.masks and process.layout.n_categorical > 0
        is_raked = rake and is_masked and process.margins is not None
        self.raking = Raking(process.margins, process.layout) if is_raked else None
        has_zeros = exclude and is_masked and process.zeros is not None and len(process.zeros) > 0
        self.exclusion = Exclusion(process.zeros, process.layout) if has_zeros else None
        shape = (n_rows, process.layout.n_categorical)
        thresholds = torch.rand(shape, generator=generator, device=generator.device)
        if order != "independent":
            rank = thresholds.argsort(dim=1).argsort(dim=1)
            jitter = torch.rand((n_rows, 1), generator=generator, device=generator.device)
            if order == "stratified":
                thresholds = (rank + jitter) / max(shape[1], 1)
            else:
                n_turns = n_turns_of(shape[1], order)
                self.due = ((rank // order + jitter) * ((len(grid) - 1) / max(n_turns, 1))).long()
                return
        # The step at which keep(s) first exceeds the threshold.
        self.due = torch.searchsorted(self.process.schedule.keep(grid[1:]).contiguous(), thresholds, right=True)

    def step(self, x_t: Tensor, cat_logits: Tensor, number: int, t: Tensor, s: Tensor) -> Tensor:
        """Codes at time s given codes at time t, in step ``number`` of the walk; (B, C)."""
        layout = self.process.layout
        if layout.n_categorical == 0:
            return x_t
        probabilities, lost = self._probabilities(cat_logits, x_t), self.process.lost(x_t)
        if not self.process.masks:
            return self._draw(x_t, self.process.q_posterior(x_t, probabilities, t, s), lost)
        if self.raking is not None:
            self.raking.update(x_t, probabilities, lost)
        revealed = (self.due <= number) & lost
        return self._draw(x_t, probabilities, revealed) if bool(revealed.any()) else x_t

    def finish(self, x_t: Tensor, cat_logits: Tensor) -> Tensor:
        """Codes of the data: whatever is still lost is drawn from p(x_0 | x_t); (B, C)."""
        return self._draw(x_t, self._probabilities(cat_logits, x_t), self.process.lost(x_t))

    def _probabilities(self, cat_logits: Tensor, x_t: Tensor) -> Tensor:
        if self.exclusion is not None:
            cat_logits = self.exclusion.apply(cat_logits, x_t)
        if self.raking is not None:
            cat_logits = cat_logits + self.raking.log_weights
        return category_probabilities(cat_logits, self.process.layout)

    def _draw(self, x_t: Tensor, probabilities: Tensor, chosen: Tensor) -> Tensor:
        """Draw the chosen entries, balanced over the rows: each level about as often as its probabilities add up to."""
        layout = self.process.layout
        uniforms = balanced_uniforms(expected_codes(probabilities, layout), chosen, self.generator)
        return torch.where(chosen, draw_categories(probabilities, layout, uniforms), x_t)


def n_turns_of(n_columns: int, order: str | int) -> int:
    """Steps that a walk needs at least, so that no more columns than asked for are revealed at once."""
    return -(-n_columns // order) if isinstance(order, int) else 0
