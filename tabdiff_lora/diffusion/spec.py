"""DiffusionSpec: which diffusion, said before a table is seen; all but the prior, the network and the sampler."""

from __future__ import annotations

from collections.abc import Hashable

import torch
from sklearn.base import BaseEstimator

from tabdiff_lora.diffusion.categorical import CategoricalDiffusion, Label
from tabdiff_lora.diffusion.gaussian import GaussianDiffusion
from tabdiff_lora.diffusion.mixed import TableDiffusion
from tabdiff_lora.diffusion.priors import Prior
from tabdiff_lora.diffusion.schedule import KarrasSchedule, KeepSchedule
from tabdiff_lora.structural_zeros import structural_zeros
from tabdiff_lora.table.encoded import EncodedTable

CATEGORIES = ("mask", "uniform", "marginal")


class DiffusionSpec(BaseEstimator):
    r"""A diffusion without a table; the default is what the synthesizer does unless told.

    Parameters
    ----------
    schedule : NoiseSchedule, default=KarrasSchedule()
        Of the numbers.
    noise : {"identity", "prior"}, default="identity"
        Covariance of the noise: I, or that of the prior (PriorGrad), which must be a single Gaussian then.
    categories : {"mask", "uniform", "marginal"}, default="mask"
        What a lost category becomes: the extra state [MASK]; any level alike (multinomial diffusion); a level by its
        frequency, the twin of a prior fitted to the numbers.
    keep : CategorySchedule, default=KeepSchedule()
        Of the categories.
    reverse : {"mixture", "plug-in"}, default="mixture"
        How a category is drawn from the network's answer; see :mod:`tabdiff_lora.diffusion.categorical`.
    label : bool or column label, default=False
        A column of levels that is drawn first and generated from, never lost: True is the target of ``fit(X, y)``,
        where there is one and it has levels. What is known of rows must then include it.
    prediction : {"preconditioned", "eps", "x0", "v"}, default="preconditioned"
        What the network is asked for; see :mod:`tabdiff_lora.denoiser`.
    loss : {"balanced", "elbo"}, default="balanced"
        How its answer is judged; see :mod:`tabdiff_lora.denoiser`.
    """

    def __init__(
        self,
        schedule=KarrasSchedule(),
        noise="identity",
        categories="mask",
        keep=KeepSchedule(),
        reverse="mixture",
        label: Hashable | bool = False,
        prediction="preconditioned",
        loss="balanced",
    ):
        self.schedule = schedule
        self.noise = noise
        self.categories = categories
        self.keep = keep
        self.reverse = reverse
        self.label = label
        self.prediction = prediction
        self.loss = loss

    def build(self, prior: Prior, table: EncodedTable, label: int | None = None) -> TableDiffusion:
        """The process of a table.

        Parameters
        ----------
        prior : Prior
            Of the numbers.
        table : EncodedTable
            The training rows.
        label : int, optional
            Slot of the column that is drawn first.

        Raises
        ------
        ValueError
            If a parameter has none of the values above.
        """
        for name, known in (
            ("noise", ("identity", "prior")),
            ("categories", CATEGORIES),
            ("reverse", ("mixture", "plug-in")),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} of DiffusionSpec must be one of {', '.join(known)}. Got {getattr(self, name)!r} instead."
                )
        frequencies = [torch.as_tensor(share, dtype=torch.float32) for share in table.frequencies()]
        first = None if label is None else Label(label, frequencies[label])
        replacement = {
            "mask": None,
            "uniform": tuple(torch.full_like(share, 1.0 / len(share)) for share in frequencies),
            "marginal": tuple(frequencies),
        }[self.categories]
        categorical = CategoricalDiffusion(table.layout, self.keep, replacement, first, self.reverse)
        margins = torch.as_tensor(table.counts(), dtype=torch.float32)
        zeros = torch.as_tensor(structural_zeros(table.cat, table.layout.cardinalities))
        return TableDiffusion(GaussianDiffusion(prior, self.schedule, self.noise), categorical, margins, zeros)
