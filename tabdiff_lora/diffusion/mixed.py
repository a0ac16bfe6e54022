"""TableDiffusion: the Gaussian and the categorical process on one clock.

The halves are corrupted independently. They meet where the prior of the numbers depends on a category: then what is
still seen of the category is evidence about the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from tabdiff_lora.diffusion.categorical import CategoricalDiffusion
from tabdiff_lora.diffusion.gaussian import GaussianDiffusion
from tabdiff_lora.diffusion.posterior import Posterior
from tabdiff_lora.errors import ConditionError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Known, TableState
from tabdiff_lora.structural_zeros import rows_with
from tabdiff_lora.table.encoded import EncodedTable


@dataclass(frozen=True)
class TableDiffusion:
    """A row is corrupted half by half, given the shared time t.

    Parameters
    ----------
    numerical : GaussianDiffusion over D dimensions
    categorical : CategoricalDiffusion over C columns
    margins : Tensor of shape (sum of K_c,), optional
        How many of the training rows have each level; None where the rows that the process leads back to are others.
    zeros : Tensor of shape (P, 2), int64, optional
        Pairs of levels that never occur together; see :mod:`tabdiff_lora.structural_zeros`.
    """

    numerical: GaussianDiffusion
    categorical: CategoricalDiffusion
    margins: Tensor | None = None
    zeros: Tensor | None = None

    @property
    def layout(self) -> TableLayout:
        """The layout of the rows."""
        return self.categorical.layout

    def given(self, x_0: TableState, known: Known) -> TableDiffusion:
        """The process of rows x_0 whose ``known`` entries stay what they are: from the prior to the data.

        The margins of such rows are not known.

        Raises
        ------
        ConditionError
            If the categorical half has a label that is not among them: such a process draws it first, from the law it
            has where nothing is known.
        """
        self._require_label(known)
        categorical = self.categorical.given(x_0.cat, known.cat)
        evidence = self._known_label(x_0, categorical)
        numerical = self.numerical.given(x_0.num, known.num, evidence, known.conditioning)
        return replace(self, numerical=numerical, categorical=categorical, margins=None)

    def seeing(self, table: EncodedTable) -> TableDiffusion:
        """The process of more training rows."""
        margins, zeros = self.margins, self.zeros
        if margins is not None:
            margins = margins + torch.as_tensor(table.counts()).to(margins)
        if zeros is not None:
            n_rows = rows_with(zeros.cpu().numpy(), table.cat, self.layout.cardinalities)
            zeros = zeros[torch.as_tensor(n_rows == 0, device=zeros.device)]
        return replace(self, margins=margins, zeros=zeros)

    def _require_label(self, known: Known) -> None:
        label = self.categorical.label
        if label is None or bool(known.cat[:, label.slot].all()) or not (bool(known.num.any() or known.cat.any())):
            return
        name = self.layout.categorical[label.slot]
        raise ConditionError(
            f"what is known must include the label {name!r}, which this process draws first. Got other columns alone "
            "instead. Choose a process without a label."
        )

    def _known_label(self, x_0: TableState, categorical: CategoricalDiffusion) -> Tensor | None:
        """What is known of the level that the prior depends on, as log-likelihoods (B, K)."""
        slot = self.numerical.prior.label
        if slot is None:
            return None
        hidden = torch.where(categorical.known, x_0.cat, categorical.mask_codes(x_0.cat.device))
        return replace(categorical, replacement=None, label=None).log_evidence(hidden, slot, hidden.new_zeros(1))

    def prior_sample(self, n_rows: int, generator: Generator) -> TableState:
        """Draw x_1."""
        if self.numerical.prior.label is not None:
            cat = self.categorical.prior_sample(n_rows, generator)
            one = torch.ones(1, device=cat.device)
            return TableState(self.numerical.prior_sample(n_rows, generator, self._evidence(cat, one)), cat)
        return TableState(
            self.numerical.prior_sample(n_rows, generator), self.categorical.prior_sample(n_rows, generator)
        )

    def posterior(self, x_t: TableState, t: Tensor) -> Posterior:
        """What the prior makes of the numbers of x_t, given all that x_t shows; t of shape (B,) or (1,)."""
        return self.numerical.posterior(x_t.num, t, self._evidence(x_t.cat, t))

    def _evidence(self, cat: Tensor, t: Tensor) -> Tensor | None:
        slot = self.numerical.prior.label
        return None if slot is None else self.categorical.log_evidence(cat, slot, t)

    def q_sample(self, x_0: TableState, t: Tensor, generator: Generator) -> TableState:
        """Draw x_t given x_0; t of shape (B,)."""
        return TableState(
            self.numerical.q_sample(x_0.num, t, generator), self.categorical.q_sample(x_0.cat, t, generator)
        )

    def is_data(self, t: Tensor) -> bool:
        """Whether a row at time t (1,) is the clean row: neither noisy nor possibly replaced."""
        return float(self.numerical.schedule.sigma(t)) == 0.0 and float(self.categorical.schedule.keep(t)) == 1.0

    def next_time(self, t: Tensor) -> Tensor:
        """Where time is discrete, the first time after t in [0, 1) that exists; t itself where it is not."""
        n_times = self.numerical.schedule.n_times
        return t if n_times is None else ((t * n_times).floor() + 1).clamp_max(n_times) / n_times

    def to(self, device) -> TableDiffusion:
        """The same process on another device."""
        margins, zeros = (None if x is None else x.to(device) for x in (self.margins, self.zeros))
        return TableDiffusion(self.numerical.to(device), self.categorical.to(device), margins, zeros)
