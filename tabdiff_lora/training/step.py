"""One step of the optimiser: rows in, weights changed in place.

On a CUDA device the few hundred small kernels of a step take less time than the CPU needs to launch them. A step that
is the same work every time is therefore recorded once as a CUDA graph and replayed with other rows, in one launch.
Under a prior of several Gaussians known columns are decomposed step by step, and that is not the same work every time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import GaussianPrior
from tabdiff_lora.training.known import KnownColumns
from tabdiff_lora.training.plan import TrainingPlan
from tabdiff_lora.training.rows import TrainingRows
from tabdiff_lora.training.times import GainedTimes

N_EAGER = 5  # steps before the recording: the optimiser makes its state, the libraries choose their kernels


class StepLoss(NamedTuple):
    """Loss of a step: of the batch, and of each half; overwritten by the next step."""

    mean: Tensor
    numerical: Tensor
    categorical: Tensor


class OptimiserStep:
    """Draws noise for a batch, and follows the gradient of its loss.

    Parameters
    ----------
    denoiser : Denoiser
    parameters : sequence of Parameter
        To train.
    plan : TrainingPlan
    generator : Generator
        On the device of the rows.
    """

    def __init__(
        self, denoiser: Denoiser, parameters: Sequence[nn.Parameter], plan: TrainingPlan, generator: Generator
    ):
        self.denoiser, self.parameters, self.generator = denoiser, parameters, generator
        self.known_columns = KnownColumns(denoiser.process, plan.batch_size, plan.known_rows, generator)
        self.times = GainedTimes(plan.uniform_times, device=generator.device)
        is_alike = denoiser.backbone.is_static and isinstance(denoiser.process.numerical.prior, GaussianPrior)
        self.is_recorded = generator.device.type == "cuda" and is_alike
        rate = torch.tensor(plan.learning_rate, device=generator.device) if self.is_recorded else plan.learning_rate
        self.optimizer = torch.optim.AdamW(
            parameters,
            lr=rate,
            betas=(0.9, 0.99),
            weight_decay=plan.weight_decay,
            fused=True,
            capturable=self.is_recorded,
        )
        self._n_steps = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self.optimizer.param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        (group,) = self.optimizer.param_groups
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value

    def __call__(self, train: TrainingRows, index: Tensor) -> StepLoss:
        """Make a step on the rows ``index`` (B,) of ``train``, always the same table and as many."""
        self._n_steps += 1
        if not self.is_recorded:
            return self._take(train, index)
        if self._n_steps <= N_EAGER:
            return self._beside(train, index)
        if self._graph is None:
            self._record(train, index)
        self._index.copy_(index)
        self._graph.replay()
        return self._loss

    def _take(self, train: TrainingRows, index: Tensor) -> StepLoss:
        x_0 = train.draw(index, self.generator)
        t = self.times.draw(len(index), self.generator)
        known = self.known_columns.draw(self.generator)
        denoiser = self.denoiser if known is None else self.denoiser.given(x_0, known)
        loss = denoiser.loss(x_0, t, self.generator)
        mean = loss.rows.mean()
        self.optimizer.zero_grad(set_to_none=True)
        mean.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0, foreach=True)
        self.optimizer.step()
        self.times.update(t, loss.gain)
        return StepLoss(mean.detach(), loss.numerical.detach(), loss.categorical.detach())

    def _beside(self, train: TrainingRows, index: Tensor) -> StepLoss:
        """A step on a stream of its own, as one that is to be recorded later must be."""
        beside = torch.cuda.Stream(self.generator.device)
        beside.wait_stream(torch.cuda.current_stream(self.generator.device))
        with torch.cuda.stream(beside):
            loss = self._take(train, index)
        torch.cuda.current_stream(self.generator.device).wait_stream(beside)
        return loss

    def _record(self, train: TrainingRows, index: Tensor) -> None:
        self._index, self._graph = index.clone(), torch.cuda.CUDAGraph()
        self._graph.register_generator_state(self.generator)
        with torch.cuda.graph(self._graph):
            self._loss = self._take(train, self._index)
