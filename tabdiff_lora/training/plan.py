"""TrainingPlan: everything that the training loop needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.training.budget import TimeLimit


@dataclass(frozen=True)
class TrainingPlan:
    """Everything the loop needs to know.

    Parameters
    ----------
    max_steps : int or None
        Optimiser steps at most.
    time_limit : TimeLimit or None
        Already running; at least one of the two limits is set.
    batch_size : int
        Rows per step.
    learning_rate : float
        Peak of the schedule.
    weight_decay : float
    ema_gamma : float
        See :class:`PowerEMA`.
    tolerance : float in [0, 1]
        Share of the best held-out gain that the weights kept may have lost.
    patience : int
        Checks in a row below the tolerance after which the run stops.
    early_stopping : bool
        Whether to stop early; the weights are chosen by their gain in any case when there are held-out rows.
    n_validation : int
        Held-out rows are repeated with different noise up to this number.
    uniform_times : float in (0, 1]
        Share of the training times that do not follow the gain; see :class:`GainedTimes`.
    known_rows : float in [0, 1]
        Share of the rows of a batch that show some of their columns clean; see :class:`KnownColumns`.
    """

    max_steps: int | None
    time_limit: TimeLimit | None
    batch_size: int = 2048
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    ema_gamma: float = 16.0
    tolerance: float = 0.1
    patience: int = 8
    early_stopping: bool = True
    n_validation: int = 8_192
    uniform_times: float = 0.2
    known_rows: float = 0.1

    @classmethod
    def suited(cls, denoiser: Denoiser, **parameters) -> TrainingPlan:
        """The plan of these parameters, with the times and the known columns that suit the denoiser.

        A bound of the likelihood is one of whole rows, all times alike; where a label is drawn first, it is the one
        column that will ever be known.

        Parameters
        ----------
        denoiser : Denoiser
            What is to be trained.
        **parameters
            Of the plan, but for ``uniform_times`` and ``known_rows``.
        """
        is_bound = denoiser.objective == "elbo"
        shows_columns = not is_bound and denoiser.process.categorical.label is None
        return cls(
            uniform_times=1.0 if is_bound else cls.uniform_times,
            known_rows=cls.known_rows if shows_columns else 0.0,
            **parameters,
        )
