"""Which columns a row shows clean while it is trained on: the exercise for conditions and imputation.

Most rows of a batch show nothing, so that drawing whole rows is learned as ever. The rest show a random set of
columns, of any size from one to all but one, and the loss asks about the others. Rows share a set in runs.

Each set costs a single Gaussian an eigendecomposition (:meth:`tabdiff_lora.diffusion.GaussianPrior.conditioning`). The
sets are therefore drawn and decomposed once, before training, and a step only looks them up.
"""

from __future__ import annotations

import math

import torch
from torch import Generator

from tabdiff_lora.compute import constants
from tabdiff_lora.diffusion import GaussianPrior, TableDiffusion
from tabdiff_lora.state import Known

N_RUNS = 32  # runs of rows in a batch, where it can be divided so
N_SETS = (64, 1024)  # fewest and most sets
SET_WORK = 2**30  # about how many multiplications the sets may cost: a second


class KnownColumns:
    """Draws what the rows of a batch show.

    Parameters
    ----------
    process : TableDiffusion
    batch_size : int
    share : float in [0, 1]
        Of the rows that show something.
    generator : Generator
        Draws the sets.
    """

    def __init__(self, process: TableDiffusion, batch_size: int, share: float, generator: Generator):
        layout, prior = process.layout, process.numerical.prior
        self.share, self.n_runs = share, math.gcd(batch_size, N_RUNS)
        self._sets: Known | None = None  # the last of them is empty
        if layout.n_columns < 2 or share == 0.0:
            return
        n_sets, device = min(max(SET_WORK // max(layout.n_numerical, 1) ** 3, N_SETS[0]), N_SETS[1]), generator.device
        size = torch.randint(1, layout.n_columns, (n_sets + 1, 1), generator=generator, device=device)
        size[-1] = 0
        order = torch.rand(n_sets + 1, layout.n_columns, generator=generator, device=device).argsort(dim=1)
        entries = (order < size)[:, constants(layout.owners, device)]  # (n_sets + 1, D + C)
        num, cat = entries[:, : layout.n_numerical], entries[:, layout.n_numerical :]
        is_single = isinstance(prior, GaussianPrior) and prior.dim > 0
        self._sets = Known(num, cat, prior.conditioning(num) if is_single else None)

    def draw(self, generator: Generator) -> Known | None:
        """The entries known in each run of rows; None where nothing ever is."""
        if self._sets is None:
            return None
        n_sets, device = len(self._sets.num) - 1, generator.device
        shift = torch.rand(1, generator=generator, device=device)
        place = (torch.arange(self.n_runs, device=device) + shift) / self.n_runs
        sets = torch.randint(n_sets, (self.n_runs,), generator=generator, device=device)
        sets = torch.where(place < self.share, sets, n_sets)
        num, cat, conditioning = self._sets
        return Known(num[sets], cat[sets], None if conditioning is None else conditioning.of(sets))
