"""The training loop: tensors in, averaged weights and a history out.

The loss on held-out rows is measured with the *averaged* weights on one fixed set of times and noises, so two checks
differ by the network alone. What counts is the *gain*: how far it lies below the loss of the untrained network.

The weights kept are the latest whose gain is within a tolerance of the best, not the best themselves. Past its best the
gain first falls where it matters least, at noise levels so low that only single rows are told apart, while dependence
between columns is still being learned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Generator

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.errors import TrainingError
from tabdiff_lora.state import TableState
from tabdiff_lora.stratified import stratified_uniforms
from tabdiff_lora.training.budget import Budget, learning_rate_factor
from tabdiff_lora.training.ema import PowerEMA
from tabdiff_lora.training.plan import TrainingPlan
from tabdiff_lora.training.rows import TrainingRows
from tabdiff_lora.training.step import OptimiserStep

CHECK_COST = 4  # rows trained on per row checked: a check is a forward pass, so checks take under a tenth of the time


@dataclass
class History:
    """What happened: one record per check, and why the run ended."""

    records: list[dict] = field(default_factory=list)
    n_steps: int = 0
    n_epochs: float = 0.0
    best_step: int = 0
    stop_reason: str = "no training: the untrained network is the fitted Gaussian copula"
    started: float = field(default_factory=time.monotonic)

    def n_checks_below(self, tolerance: float) -> int:
        """Newest checks in a row below ``1 - tolerance`` of the best held-out gain; 0 without held-out rows."""
        losses = [record["validation_loss"] for record in self.records]
        required = (1.0 - tolerance) * (losses[0] - min(losses))
        return next((n for n, loss in enumerate(reversed(losses)) if not losses[0] - loss < required), len(losses))


class Trainer:
    """Fits a denoiser to rows.

    Parameters
    ----------
    denoiser : Denoiser
        Trained in place; on return it holds the averaged weights that were kept.
    plan : TrainingPlan
    generator : Generator
        All randomness of the run, on the device of the rows.
    on_check : callable, optional
        Called with the newest record of the history and the progress in [0, 1] while the denoiser holds the averaged
        weights; the run stops where it returns True.
    """

    def __init__(self, denoiser: Denoiser, plan: TrainingPlan, generator: Generator, on_check=None):
        self.denoiser, self.plan, self.generator = denoiser, plan, generator
        self.on_check = on_check or (lambda record, progress: None)

    def fit(self, train: TrainingRows, held_out: TrainingRows | None) -> History:
        """Run the loop.

        Parameters
        ----------
        train, held_out : TrainingRows
            ``held_out`` None trains to the end of the budget without checks against unseen rows.

        Raises
        ------
        TrainingError
            When the loss stops being finite; names the epoch and the half of the row.
        """
        plan, denoiser = self.plan, self.denoiser
        history, budget = History(), Budget(plan.max_steps, plan.time_limit)
        if budget.progress(0) >= 1.0:
            denoiser.eval()
            return history
        parameters = [p for p in denoiser.parameters() if p.requires_grad]
        step = OptimiserStep(denoiser, parameters, plan, self.generator)
        ema = PowerEMA(denoiser, plan.ema_gamma)
        validation = self._validation_batch(held_out) if held_out is not None and len(held_out) else None
        n_between = math.ceil(CHECK_COST * (len(validation[1]) if validation else 0) / plan.batch_size)
        kept, next_check, losses = None, 0.0, []
        denoiser.train()
        for index in self._batches(len(train)):
            progress = budget.progress(history.n_steps)
            is_due = progress >= next_check and (history.n_steps == 0 or len(losses) >= n_between)
            if is_due or progress >= 1.0:
                with self._averaged(ema):
                    record = self._check(history, validation, losses)
                    asked = "asked to stop" if self.on_check(record, progress) else ""
                losses, next_check = [], progress + check_interval(progress)
                if history.n_checks_below(plan.tolerance) == 0:
                    kept, history.best_step = ema.snapshot(), history.n_steps
                history.stop_reason = self._reason_to_stop(history, progress) or asked
                if history.stop_reason:
                    break
            step.learning_rate = plan.learning_rate * learning_rate_factor(progress, history.n_steps)
            losses.append(self._step(step, train, index, history))
            ema.update()
        ema.load(kept)
        denoiser.eval()
        return history

    def _step(self, step: OptimiserStep, train: TrainingRows, index, history: History) -> float:
        """One step on the rows ``index``; the loss of the batch."""
        loss = step(train, index)
        history.n_steps += 1
        history.n_epochs += len(index) / len(train)
        value = loss.mean.item()
        if not math.isfinite(value):
            half = "numerical" if not torch.isfinite(loss.numerical) else "categorical"
            raise TrainingError(
                f"loss of training must be finite. Got {value} in the {half} half, epoch {history.n_epochs:.1f}, step "
                f"{history.n_steps} instead. Lower learning_rate, or set precision='float32'."
            )
        return value

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
        return held_out.draw(index, generator), stratified_uniforms(len(index), generator)

    @contextmanager
    def _averaged(self, ema: PowerEMA) -> Iterator[None]:
        """Let the denoiser hold the averaged weights, ready for use, for a while."""
        ema.swap()
        self.denoiser.eval()
        yield
        self.denoiser.train()
        ema.swap()

    @torch.no_grad()
    def _check(self, history: History, validation, losses: list[float]) -> dict:
        """Append a record with the held-out loss."""
        record = {
            "step": history.n_steps,
            "epoch": history.n_epochs,
            "seconds": time.monotonic() - history.started,
            "train_loss": sum(losses) / len(losses) if losses else float("nan"),
            "validation_loss": float("nan"),
        }
        if validation is not None:
            record["validation_loss"] = self._held_out_loss(*validation)
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

    def _reason_to_stop(self, history: History, progress: float) -> str:
        """Why the run ends here; empty if it goes on."""
        if progress >= 1.0:
            return "budget used up"
        if self.plan.early_stopping and history.n_checks_below(self.plan.tolerance) >= self.plan.patience:
            return "held-out loss rises"
        return ""


def check_interval(progress: float) -> float:
    """Share of the budget until the next check: small at the start, when small tables already overfit."""
    return max(0.005, min(0.04, 0.15 * progress))
