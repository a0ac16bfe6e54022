"""The walk back: from the prior at t = 1 to data at t = 0.

A sampler sees estimates of x_0 and never learns what the network predicts. Each step moves the numerical half with the
sampler's own formula and draws the categorical half from the mixture over x_0 at the same pair of times.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import pairwise
from numbers import Integral, Real

import torch
from sklearn.base import BaseEstimator
from torch import Generator, Tensor

from tabdiff_lora.diffusion.mixed import TableDiffusion
from tabdiff_lora.errors import SamplingError
from tabdiff_lora.sampling.grids import GRIDS, TimeGrid
from tabdiff_lora.sampling.guidance import Estimator, Guided
from tabdiff_lora.sampling.reveal import CategoryReveal, n_turns_of
from tabdiff_lora.state import Prediction, TableState

MOST_POINTS = 64
"""Points of the time grid that ``n_steps="auto"`` gives a table of many categories at most."""


class Sampler(BaseEstimator, ABC):
    """Base of the samplers.

    Parameters
    ----------
    n_steps : "auto" or int, default="auto"
        Points of the time grid, S; also the number of network evaluations, except where a sampler says otherwise.
        "auto" is ``enough``, or one for each categorical dimension, up to 64, where there are more: columns that are
        drawn at once know nothing of one another.
    unmasking : {"stratified", "independent"} or int, default="stratified"
        Order in which masked categories are revealed; a number is how many columns of a row at once, for which the
        grid gets the points it needs. See :mod:`tabdiff_lora.sampling.reveal`.
    grid : {"linear", "quadratic", "karras", "logsnr"} or TimeGrid, default="linear"
        How the times are spaced; see :mod:`tabdiff_lora.sampling.grids`.
    guidance : float, default=1.0
        How much known categories count; 1 is as much as in the data. See :mod:`tabdiff_lora.sampling.guidance`.
    rake : bool, default=True
        Whether rows of which nothing is known hold each level about as often as the training rows, as far as masked
        categories go. See :mod:`tabdiff_lora.sampling.raking`.
    exclude : bool, default=True
        Whether masked categories keep clear of pairs that no training row holds, though chance would put them together.
        See :mod:`tabdiff_lora.sampling.exclusion`.

    Attributes
    ----------
    enough : int
        What "auto" is on tables of few categories. For the default sampler no table we measured got better with more.
    """

    enough = 16

    def __init__(self, n_steps="auto", unmasking="stratified", grid="linear", guidance=1.0, rake=True, exclude=True):
        self.n_steps = n_steps
        self.unmasking = unmasking
        self.grid = grid
        self.guidance = guidance
        self.rake = rake
        self.exclude = exclude

    @abstractmethod
    def numerical_step(
        self,
        process: TableDiffusion,
        x_t: TableState,
        prediction: Prediction,
        t: Tensor,
        s: Tensor,
        previous: tuple[Prediction, Tensor] | None,
        generator: Generator,
    ) -> Tensor:
        """Draw the numerical half of x_s, shape (B, D).

        ``previous`` is the prediction of the step before and its time, for multistep formulas.
        """

    def start_step(
        self, process: TableDiffusion, x_t: TableState, t: Tensor, generator: Generator
    ) -> tuple[TableState, Tensor]:
        """Where a step starts, and when: samplers with churn go back towards the prior first."""
        return x_t, t

    def correct(
        self, denoise: Estimator, process: TableDiffusion, x_t: TableState, x_s: TableState, first: Prediction, t, s
    ) -> TableState:
        """Second evaluation of two-stage samplers; by default there is none."""
        return x_s

    def sample(self, denoiser: Estimator, n_rows: int, generator: Generator) -> TableState:
        """Draw ``n_rows`` rows.

        Returns
        -------
        TableState, num (n_rows, D) float32, cat (n_rows, C) int64

        Raises
        ------
        ValueError
            If a parameter is not what it should be.
        SamplingError
            When a number stops being finite; names the time and the dimension.
        """
        self._validate()
        process = denoiser.process
        if self.guidance != 1.0:
            denoiser = Guided(denoiser, self.guidance)
        x = process.prior_sample(n_rows, generator)
        times = self._times(process, generator.device)
        reveal = CategoryReveal(process, n_rows, self.unmasking, times, generator, rake=self.rake, exclude=self.exclude)
        previous = None
        for number, (t, s) in enumerate(pairwise(times[:, None])):  # t and s of shape (1,)
            x, t = self.start_step(process, x, t, generator)
            prediction = denoiser(x, t)
            cat = reveal.step(x.cat, prediction.cat_logits, number, t, s)
            x_s = TableState(self.numerical_step(process, x, prediction, t, s, previous, generator), cat)
            x, previous = self.correct(denoiser, process, x, x_s, prediction, t, s), (prediction, t)
            _require_finite(x.num, process, s)
        if process.is_data(times[-1:]):
            return x
        last = denoiser(x, times[-1:])
        return TableState(last.num, reveal.finish(x.cat, last.cat_logits))

    def n_points(self, process: TableDiffusion) -> int:
        """Points of the time grid for a process."""
        n_columns = process.layout.n_categorical
        n_steps = max(self.enough, min(n_columns + 1, MOST_POINTS)) if self.n_steps == "auto" else self.n_steps
        return max(n_steps, n_turns_of(n_columns, self.unmasking) + 1)

    def _times(self, process: TableDiffusion, device) -> Tensor:
        grid = GRIDS[self.grid]() if isinstance(self.grid, str) else self.grid
        return grid.times(self.n_points(process), process.numerical.schedule, device)

    def _validate(self) -> None:
        is_count = isinstance(self.unmasking, Integral) and self.unmasking >= 1
        expected = {
            "n_steps": (
                "'auto' or a whole number >= 2",
                self.n_steps == "auto" or (isinstance(self.n_steps, Integral) and self.n_steps >= 2),
            ),
            "unmasking": (
                "'stratified', 'independent' or a whole number >= 1",
                is_count or self.unmasking in ("stratified", "independent"),
            ),
            "grid": (
                f"one of {', '.join(GRIDS)}, or a TimeGrid",
                isinstance(self.grid, TimeGrid) or self.grid in GRIDS,
            ),
            "guidance": ("a number", isinstance(self.guidance, Real)),
            "rake": ("True or False", isinstance(self.rake, bool)),
            "exclude": ("True or False", isinstance(self.exclude, bool)),
        }
        for name, (wanted, is_met) in expected.items():
            if not is_met:
                raise ValueError(
                    f"{name} of {type(self).__name__} must be {wanted}. Got {getattr(self, name)!r} instead."
                )


def _require_finite(num: Tensor, process: TableDiffusion, s: Tensor) -> None:
    finite = torch.isfinite(num).all(dim=0)
    if not bool(finite.all()):
        name = process.layout.numerical[int((~finite).nonzero()[0])]
        raise SamplingError(
            f"numerical state of sampling must be finite. Got NaN or infinity at t={float(s):.3f} in {name!r} instead. "
            "Fit longer, or lower the learning rate."
        )
