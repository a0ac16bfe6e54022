r"""The categorical half: every column forgets its value, independently of the others.

.. math:: q(x_t = j | x_0) = a_t\, 1\{j = x_0\} + (1 - a_t)\, \pi_j

``a_t`` is the probability that the value is still there and :math:`\pi` is what replaces it: the extra state [MASK]
(absorbing, MDLM), the uniform law (multinomial diffusion, TabDDPM) or the column's marginal frequencies (the
categorical twin of the data-driven prior). One class serves all three; only :math:`\pi` differs.

The network predicts :math:`p(x_0 | x_t)`, and :math:`x_s` is drawn from the *mixture* over :math:`x_0`:
:math:`p(x_s | x_t) = \sum_i q(x_s | x_t, x_0 = i)\, p_i`, which by Bayes' rule is

.. math:: p(x_s = j | x_t) = L_j \Big[ a_s \frac{p_j}{Z_j} + (1 - a_s)\,\pi_j \sum_i \frac{p_i}{Z_i} \Big],
          \quad L_j = a_{t|s} 1\{j = x_t\} + (1 - a_{t|s})\,\pi_{x_t},\quad
          Z_i = a_t 1\{i = x_t\} + (1 - a_t)\,\pi_{x_t}

TabDDPM plugs p into the posterior instead, as if it were a clean row ("plug-in"): :math:`p(x_s = j | x_t) \propto L_j
[a_s p_j + (1 - a_s)\pi_j]`, which is Bayes' rule only for a p that is sure.

A *label* is a column that is never lost: its law at t = 1 is that of the data, from which it is drawn first, and
everything else is generated given it.

References
----------
Structured Denoising Diffusion Models in Discrete State-Spaces (Austin et al., 2021), eq. 3-4;
Simple and Effective Masked Diffusion Language Models (Sahoo et al., 2024); Argmax Flows
(Hoogeboom et al., 2021), eq. 12-17; TabDDPM (Kotelnikov et al., 2023), section 3, for the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Generator, Tensor

from tabdiff_lora.compute import constants
from tabdiff_lora.diffusion.schedule import CategorySchedule, KeepSchedule
from tabdiff_lora.layout import TableLayout


@dataclass(frozen=True)
class Label:
    """A column that is drawn first, from its frequencies, and never lost.

    Parameters
    ----------
    slot : int
        Its place among the categorical columns.
    frequencies : Tensor of shape (K,)
    """

    slot: int
    frequencies: Tensor


@dataclass(frozen=True)
class CategoricalDiffusion:
    r"""Schedule plus replacement law :math:`\pi`; stateless.

    Parameters
    ----------
    layout : TableLayout
    schedule : CategorySchedule
    replacement : tuple of Tensors of shape (K_c,), or None
        :math:`\pi` of each column. None is the mask: the extra code K_c, never an answer of the network.
    label : Label, optional
        The column that is never lost.
    reverse : {"mixture", "plug-in"}
        How x_s follows from the network's p; see the module's docstring.
    codes, known : Tensors of shape (B, C), int64 and bool, optional
        Of B given rows: where ``known``, they hold ``codes`` at all times; see :meth:`given`.
    """

    layout: TableLayout
    schedule: CategorySchedule = KeepSchedule()
    replacement: tuple[Tensor, ...] | None = None
    label: Label | None = None
    reverse: Literal["mixture", "plug-in"] = "mixture"
    codes: Tensor | None = None
    known: Tensor | None = None

    def given(self, x_0: Tensor, known: Tensor) -> CategoricalDiffusion:
        """The process of rows x_0 (B, C) of which the entries ``known`` (G, C) of G runs of rows are known."""
        return replace(self, codes=x_0, known=known.repeat_interleave(len(x_0) // len(known), dim=0))

    @classmethod
    def uniform(cls, layout: TableLayout, schedule: CategorySchedule = KeepSchedule()) -> CategoricalDiffusion:
        """Multinomial diffusion: a lost value is replaced by any level with equal probability."""
        return cls(layout, schedule, tuple(torch.full((k,), 1.0 / k) for k in layout.cardinalities))

    @classmethod
    def marginal(
        cls, layout: TableLayout, frequencies: Sequence[Tensor], schedule: CategorySchedule = KeepSchedule()
    ) -> CategoricalDiffusion:
        """A lost value is replaced by a draw from its column's ``frequencies`` (C tensors of shape (K_c,))."""
        return cls(layout, schedule, tuple(frequencies))

    @property
    def masks(self) -> bool:
        """Whether lost values show as [MASK]."""
        return self.replacement is None

    def mask_codes(self, device: torch.device) -> Tensor:
        """The code of [MASK] in each column, shape (C,)."""
        return constants(self.layout.cardinalities, device)

    def prior_sample(self, n_rows: int, generator: Generator) -> Tensor:
        """Draw x_1: all masks, or independent draws from the replacement law; int64 of shape (n_rows, C)."""
        lost = self._replacements(n_rows, generator)
        if self.label is not None:
            frequencies = self.label.frequencies
            lost[:, self.label.slot] = torch.multinomial(frequencies, n_rows, replacement=True, generator=generator)
        return lost if self.known is None else torch.where(self.known, self.codes, lost)

    def _replacements(self, n_rows: int, generator: Generator) -> Tensor:
        if self.replacement is None:
            return self.mask_codes(generator.device).expand(n_rows, -1).clone()
        if not self.replacement:
            return torch.empty(n_rows, 0, dtype=torch.int64, device=generator.device)
        draws = [torch.multinomial(pi, n_rows, replacement=True, generator=generator) for pi in self.replacement]
        return torch.stack(draws, dim=1)

    def q_sample(self, x_0: Tensor, t: Tensor, generator: Generator) -> Tensor:
        """Draw x_t given x_0; codes of shape (B, C), t of shape (B,)."""
        lost = self.draw_lost(len(x_0), t, generator)
        return torch.where(lost, self.prior_sample(len(x_0), generator), x_0)

    def draw_lost(self, n_rows: int, t: Tensor, generator: Generator) -> Tensor:
        """Which entries have forgotten their value by time t, of shape (n_rows,) or (1,); bool of shape (n_rows, C)."""
        uniforms = torch.rand((n_rows, self.layout.n_categorical), generator=generator, device=generator.device)
        lost = uniforms >= self.schedule.keep(t)[:, None]
        if self.label is not None:
            lost[:, self.label.slot] = False
        return lost

    def lost(self, x_t: Tensor) -> Tensor:
        """Which entries the loss asks about: the masked ones, or all unknown ones where a loss leaves no trace."""
        if self.masks:
            return x_t == self.mask_codes(x_t.device)
        lost = torch.ones_like(x_t, dtype=torch.bool) if self.known is None else ~self.known
        if self.label is not None:
            lost[:, self.label.slot] = False
        return lost

    def log_evidence(self, x_t: Tensor, slot: int, t: Tensor) -> Tensor:
        """What column ``slot`` of x_t (B, C) says of its clean value: log q(x_t | x_0 = k) for each k; (B, K)."""
        seen, cardinality = x_t[:, slot], self.layout.cardinalities[slot]
        here = torch.nn.functional.one_hot(seen, cardinality + 1)[:, :cardinality].float()  # all 0 for the mask
        if self.masks:
            return torch.where((seen < cardinality)[:, None], here, 1.0).log()
        is_sure = torch.full_like(seen, self.label is not None and self.label.slot == slot, dtype=torch.bool)
        if self.known is not None:
            is_sure = is_sure | self.known[:, slot]
        keep, pi = self.schedule.keep(t)[:, None], self.replacement[slot].to(x_t.device)
        return torch.where(is_sure[:, None], here, keep * here + (1 - keep) * pi[seen][:, None]).log()

    def q_posterior(self, x_t: Tensor, probabilities: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""The mixture :math:`p(x_s | x_t)` over the network's :math:`p(x_0 | x_t)`.

        Parameters
        ----------
        x_t : Tensor of shape (B, C)
        probabilities : Tensor of shape (B, sum of K_c)
            :math:`p(x_0 | x_t)` of each column, columns side by side.
        t, s : Tensor of shape (B,) or (1,), s < t

        Returns
        -------
        Tensor of shape (B, sum of (K_c + masks))
            Probabilities of each code at time s; with masks, the last code of a column is [MASK].
        """
        a_t, a_s = self.schedule.keep(t)[:, None, None], self.schedule.keep(s)[:, None, None]
        a_ts = torch.where(a_s > 0, a_t / a_s.clamp_min(1e-12), torch.ones_like(a_s))
        columns = []
        for group in self.layout.groups:
            p = probabilities[:, group.logits].unflatten(1, (-1, group.cardinality))  # (B, G, K)
            pi = self._replacement_block(group, p)  # (G, K + masks)
            if self.masks:
                p = torch.nn.functional.pad(p, (0, 1))
            here = torch.nn.functional.one_hot(x_t[:, group.columns], p.shape[-1]).to(p.dtype)  # (B, G, K)
            pi_here = (here * pi).sum(-1, keepdim=True)
            likelihood = a_ts * here + (1 - a_ts) * pi_here
            if self.reverse == "plug-in":
                posterior = likelihood * (a_s * p + (1 - a_s) * pi)
            else:
                answer = p / (a_t * here + (1 - a_t) * pi_here).clamp_min(1e-12)
                posterior = likelihood * (a_s * answer + (1 - a_s) * pi * answer.sum(-1, keepdim=True))
            columns.append((posterior / posterior.sum(-1, keepdim=True).clamp_min(1e-12)).flatten(1))
        return torch.cat(columns, dim=1) if columns else probabilities

    def divergence(self, x_0: Tensor, x_t: Tensor, probabilities: Tensor, t: Tensor, s: Tensor) -> Tensor:
        r"""One term of the variational bound per entry: KL of :math:`p(x_s | x_t)` from :math:`q(x_s | x_t, x_0)`.

        At s = 0 that is the negative log-likelihood of x_0.

        Parameters
        ----------
        x_0, x_t : Tensor of shape (B, C)
        probabilities, t, s
            See :meth:`q_posterior`.

        Returns
        -------
        Tensor of shape (B, C)

        References
        ----------
        Argmax Flows and Multinomial Diffusion (Hoogeboom et al., 2021), eq. 15.
        """
        truth = self.q_posterior(x_t, one_hots(x_0, self.layout), t, s).split(self._widths(), dim=1)
        model = self.q_posterior(x_t, probabilities, t, s).split(self._widths(), dim=1)
        terms = [(torch.xlogy(q, q) - torch.xlogy(q, p.clamp_min(1e-12))).sum(-1) for q, p in zip(truth, model)]
        divergence = torch.stack(terms, dim=1) if terms else probabilities.new_zeros(len(x_t), 0)
        return divergence.masked_fill(~self.lost(x_t), 0.0)

    def _widths(self) -> list[int]:
        return [cardinality + self.masks for cardinality in self.layout.cardinalities]

    def _replacement_block(self, group, like: Tensor) -> Tensor:
        """pi of one group, shape (G, K) or (G, K + 1) with the mask as the last code."""
        if self.replacement is None:
            n_columns = group.columns.stop - group.columns.start
            pi = like.new_zeros(n_columns, group.cardinality + 1)
            pi[:, -1] = 1.0
            return pi
        return torch.stack(self.replacement[group.columns]).to(like)

    def to(self, device) -> CategoricalDiffusion:
        """The same process on another device."""
        replacement = None if self.replacement is None else tuple(pi.to(device) for pi in self.replacement)
        label = None if self.label is None else replace(self.label, frequencies=self.label.frequencies.to(device))
        return replace(self, replacement=replacement, label=label)


def _block(levels: Tensor, group) -> Tensor:
    """The (G, K, B) block of one group inside values of all levels (sum of K_c, B)."""
    return levels[group.logits].unflatten(0, (-1, group.cardinality))


def one_hots(codes: Tensor, layout: TableLayout) -> Tensor:
    """Codes (B, C) as probabilities of certain levels, columns side by side: (B, sum of K_c)."""
    columns = [torch.nn.functional.one_hot(c, k).float() for c, k in zip(codes.T, layout.cardinalities, strict=True)]
    return torch.cat(columns, dim=1) if columns else codes.new_zeros(len(codes), 0, dtype=torch.float32)


def category_probabilities(cat_logits: Tensor, layout: TableLayout) -> Tensor:
    """Softmax within each column; (B, sum of K_c) to the same shape.

    A CPU works side by side on what lies side by side: here that are rows, not the few levels of a column.
    """
    if not layout.groups:
        return cat_logits
    levels = cat_logits.T.contiguous()  # (sum of K_c, B)
    return torch.cat([_block(levels, g).softmax(1).flatten(0, 1) for g in layout.groups]).T


def expected_codes(probabilities: Tensor, layout: TableLayout) -> Tensor:
    """Mean code of each column, (B, C), of probabilities (B, sum of K_c): sorts rows by what they say of the column."""
    means = []
    for g in layout.groups:
        codes = torch.arange(g.cardinality, device=probabilities.device)[:, None]
        means.append((_block(probabilities.T, g) * codes).sum(1))
    return torch.cat(means).T if means else probabilities


def draw_categories(probabilities: Tensor, layout: TableLayout, uniforms: Tensor, extra: int = 0) -> Tensor:
    """Draw one code per column by inverting the cumulative law.

    Parameters
    ----------
    probabilities : Tensor of shape (B, sum of (K_c + extra))
    layout : TableLayout
    uniforms : Tensor of shape (B, C) in [0, 1)
    extra : {0, 1}
        1 when the columns carry a [MASK] code at their end.

    Returns
    -------
    Tensor of shape (B, C), int64
    """
    codes, offset = [], 0
    for group in layout.groups:
        n_columns, width = group.columns.stop - group.columns.start, group.cardinality + extra
        block = probabilities.T[offset : offset + n_columns * width].unflatten(0, (n_columns, width))  # (G, K, B)
        cumulative = block.cumsum(1)
        target = uniforms.T[group.columns, None] * cumulative[:, -1:]
        codes.append((cumulative <= target).sum(1).clamp_max(width - 1))
        offset += n_columns * width
    return torch.cat(codes).T if codes else uniforms.long()
