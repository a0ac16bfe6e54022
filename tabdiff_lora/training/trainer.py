"""The training loop: tensors in, the best averaged weights and a history out.

The loss on held-out rows is measured with the *averaged* weights on one fixed set of times and noises, so two epochs
differ by the network alone. The weights with the lowest such loss are the ones kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Generator

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.errors import TrainingError
from tabdiff_lora.state import TableState
from tabdiff_lora.training.budget import Budget, learning_rate_factor
from tabdiff_lora.training.ema import PowerEMA
from tabdiff_lora.training.rows import TrainingRows


CHECK_COST = 4  # rows trained on per row checked: a check is a forward pass, so checks take under a tenth of the time


@dataclass(frozen=True)
class TrainingPlan:
    """Everything the loop needs to know.

    Parameters
    ----------
    max_steps : int or None
        Optimiser steps at most.
    max_seconds : float or None
        Seconds at most; at least one of the two limits is set.
    batch_size : int
        Rows per step.
    learning_rate : float
        Peak of the schedule.
    weight_decay : float
    ema_gamma : float
        See :class:`PowerEMA`.
    patience : float
        Stop when the held-out loss has not improved for this share of the steps made so far (and ``min_checks`` checks).
    min_checks : int
    early_stopping : bool
        Whether to stop early; the best weights are restored in any case when there are held-out rows.
    n_validation : int
        Held-out rows are repeated with different noise up to this number.
    """

    max_steps: int | None
    max_seconds: float | None
    batch_size: int = 2048
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    ema_gamma: float = 16.0
    patience: float = 0.5
    min_checks: int = 10
    early_stopping: bool = True
    n_validation: int = 8_192


@dataclass
class History:
    """What happened: one record per check, and why the run ended."""

    records: list[dict] = field(default_factory=list)
    n_steps: int = 0
    n_epochs: float = 0.0
    best_step: int = 0
    stop_reason: str = "no training: the untrained network is the fitted Gaussian copula"


class Trainer:
    """Fits a denoiser to rows.

    Parameters
    ----------
    denoiser : Denoiser
        Trained in place; on return it holds the averaged weights with the lowest held-out loss.
    plan : TrainingPlan
    generator : Generator
        All randomness of the run, on the device of the rows.
    on_check : callable, optional
        Called with the newest record of the history and the progress in [0, 1].
    """

    def __init__(self, denoiser: Denoiser, plan: TrainingPlan, generator: Generator, on_check=None):
        self.denoiser, self.plan, self.generator = denoiser, plan, generator
        self.on_check = on_check or (lambda record, progress: None)

    def fit(self, train: TrainingRows, held_out: TrainingRows | None, started: float | None = None) -> History:
        """Run the loop.

        Parameters
        ----------
        train, held_out : TrainingRows
            ``held_out`` None trains to the end of the budget without checks against unseen rows.
        started : float, optional
            ``time.monotonic()`` at which the time budget began.

        Raises
        ------
        TrainingError
            When the loss stops being finite; names the epoch and the half of the row.
        """
        plan, denoiser = self.plan, self.denoiser
        history, budget = History(), Budget(plan.max_steps, plan.max_seconds, started)
        if budget.progress(0) >= 1.0:
            denoiser.eval()
            return history
        parameters = [p for p in denoiser.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            parameters, lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=plan.weight_decay, fused=True
        )
        ema = PowerEMA(denoiser, plan.ema_gamma)
        validation = self._validation_batch(held_out) if held_out is not None and len(held_out) else None
        best_loss, best_weights, next_check, running, since_check = float("inf"), None, 0.0, 0.0, 0
        n_between = math.ceil(CHECK_COST * plan.n_validation / plan.batch_size)
        denoiser.train()
        for index in self._batches(len(train)):
            progress = budget.progress(history.n_steps)
            if progress >= 1.0 or (progress >= next_check and (since_check >= n_between or history.n_steps == 0)):
                record = self._check(history, ema, validation, budget, running / max(since_check, 1))
                running, since_check, next_check = 0.0, 0, progress + self._check_interval(progress)
                if record["validation_loss"] < best_loss:
                    best_loss, best_weights, history.best_step = record["validation_loss"], ema.snapshot(), history.n_steps
                self.on_check(record, progress)
                if progress >= 1.0:
                    history.stop_reason = "budget used up"
                    break
                if plan.early_stopping and validation is not None and self._stalled(history):
                    history.stop_reason = "held-out loss stopped improving"
                    break
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate_factor(progress, history.n_steps)
            x_0 = train.draw(index, self.generator)
            t = stratified_times(len(index), self.generator)
            loss = denoiser.loss(x_0, t, self.generator)
            mean = loss.rows.mean()
            optimizer.zero_grad(set_to_none=True)
            mean.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0, foreach=True)
            optimizer.step()
            ema.update()
            history.n_steps += 1
            history.n_epochs += len(index) / len(train)
            running, since_check = running + mean.item(), since_check + 1
            if not running < float("inf"):
                self._diverged(loss, history)
        ema.load(best_weights if best_weights is not None else ema.snapshot())
        denoiser.eval()
        return history

    def _batches(self, n_rows: int):
        """Endless stream of shuffled index batches; a table smaller than a batch is repeated with new noise."""
        size, leftover = self.plan.batch_size, torch.empty(0, dtype=torch.int64, device=self.generator.device)
        while True:
            order = torch.randperm(n_rows, generator=self.generator, device=self.generator.device)
            leftover = torch.cat([leftover, order])
            while len(leftover) >= size:
                yield leftover[:size]
                leftover = leftover[size:]

    def _validation_batch(self, held_out: TrainingRows) -> tuple[TableState, torch.Tensor]:
        generator = Generator(self.generator.device).manual_seed(0)
        repeats = max(1, min(64, self.plan.n_validation // len(held_out)))
        index = torch.arange(len(held_out), device=generator.device).repeat(repeats)[: self.plan.n_validation]
        return held_out.draw(index, generator), stratified_times(len(index), generator)

    @torch.no_grad()
    def _check(self, history: History, ema: PowerEMA, validation, budget: Budget, train_loss: float) -> dict:
        """Append a record with the held-out loss of the averaged weights."""
        record = {
            "step": history.n_steps,
            "epoch": history.n_epochs,
            "seconds": budget.seconds,
            "train_loss": train_loss if history.n_steps else float("nan"),
            "validation_loss": float("nan"),
        }
        if validation is not None:
            ema.swap()
            self.denoiser.eval()
            record["validation_loss"] = self._held_out_loss(*validation)
            self.denoiser.train()
            ema.swap()
        history.records.append(record)
        return record

    def _held_out_loss(self, x_0: TableState, t: torch.Tensor) -> float:
        generator = Generator(self.generator.device).manual_seed(1)
        total, size = 0.0, self.plan.batch_size
        for start in range(0, len(t), size):
            rows = slice(start, start + size)
            loss = self.denoiser.loss(TableState(x_0.num[rows], x_0.cat[rows]), t[rows], generator)
            total += float(loss.rows.sum())
        return total / len(t)

    def _check_interval(self, progress: float) -> float:
        """Share of the budget until the next check: dense at the start, when small tables already overfit."""
        return max(0.005, min(0.04, 0.15 * progress))

    def _stalled(self, history: History) -> bool:
        waited = history.n_steps - history.best_step
        n_checks = sum(record["step"] > history.best_step for record in history.records)
        return n_checks >= self.plan.min_checks and waited > self.plan.patience * history.n_steps

    def _diverged(self, loss, history: History) -> None:
        half = "numerical" if not torch.isfinite(loss.numerical) else "categorical"
        raise TrainingError(
            f"loss of training must be finite. Got {loss.rows.detach().mean().item()} in the {half} half, epoch "
            f"{history.n_epochs:.1f}, step {history.n_steps} instead. Lower learning_rate, or set precision='float32'."
        )


def stratified_times(n: int, generator: Generator) -> torch.Tensor:
    """Low-discrepancy times in (0, 1): a randomly shifted regular grid in random order; shape (n,).

    References
    ----------
    Variational Diffusion Models (Kingma et al., 2021), appendix I.1.
    """
    device = generator.device
    grid = (torch.arange(n, device=device) + torch.rand(1, generator=generator, device=device)) / n
    return grid[torch.randperm(n, generator=generator, device=device)]
