"""Which columns a row shows clean while it is trained on: the exercise for conditions and imputation.

Most rows of a batch show nothing, so that drawing whole rows is learned as ever. The rest show a random set of
columns, of any size from one to all but one, and the loss asks about the others. Rows share a set in runs, because each
set costs an eigendecomposition (:meth:`tabdiff_lora.diffusion.GaussianPrior.given`).
"""

from __future__ import annotations

import math

import torch
from torch import Generator

from tabdiff_lora.compute import constants
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Known

N_RUNS = 32  # runs of rows in a batch, where it can be divided so


class KnownColumns:
    """Draws what the rows of a batch show.

    Parameters
    ----------
    layout : TableLayout
    batch_size : int
    share : float in [0, 1]
        Of the rows that show something.
    """

    def __init__(self, layout: TableLayout, batch_size: int, share: float):
        self.layout, self.share = layout, share
        self.n_runs = math.gcd(batch_size, N_RUNS)

    def draw(self, generator: Generator) -> Known | None:
        """The entries known in each run of rows; None where nothing is."""
        n_columns, device = self.layout.n_columns, generator.device
        if n_columns < 2 or self.share == 0.0:
            return None
        shift = torch.rand(1, generator=generator, device=device)
        place = (torch.arange(self.n_runs, device=device) + shift) / self.n_runs
        size = torch.randint(1, n_columns, (self.n_runs,), generator=generator, device=device)
        order = torch.rand(self.n_runs, n_columns, generator=generator, device=device).argsort(dim=1)
        shown = order < torch.where(place < self.share, size, 0)[:, None]  # (G, p)
        if not bool(shown.any()):
            return None
        entries = shown[:, constants(self.layout.owners, device)]  # (G, D + C)
        return Known(entries[:, : self.layout.n_numerical], entries[:, self.layout.n_numerical :])
