"""Assembly: the parameters of a synthesizer, strings among them, become a process and a network."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import clone

from tabdiff_lora.backbones import Backbone, LanguageModelBackbone, MLPBackbone, TransformerBackbone
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import (
    DiffusionSpec,
    GaussianPerClass,
    MixtureOfGaussians,
    PriorFamily,
    SingleGaussian,
    StandardNormal,
)
from tabdiff_lora.errors import SchemaError
from tabdiff_lora.randomness import borrowed_generator, stream
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler, Sampler
from tabdiff_lora.table import EncodedTable
from tabdiff_lora.table.arrangement import Arrangement

BACKBONES = {"mlp": MLPBackbone, "transformer": TransformerBackbone}
PRIORS = {
    "gaussian": SingleGaussian,
    "standard": StandardNormal,
    "class": GaussianPerClass,
    "mixture": MixtureOfGaussians,
}
PROCESSES = {"mask", "uniform", "marginal"}
SAMPLERS = {"dpmpp": DPMSolverSampler, "heun": HeunSampler, "ddim": DDIMSampler, "ancestral": AncestralSampler}

DEFAULT_RANK = {"rank": "auto", "rank_energy": 0.95}


def resolve_prior(prior: str | PriorFamily) -> PriorFamily:
    """The family of priors that a name stands for."""
    return PRIORS[prior]() if isinstance(prior, str) else prior


def resolve_process(process: str | DiffusionSpec) -> DiffusionSpec:
    """The description of the diffusion that a name stands for."""
    return DiffusionSpec(categories=process) if isinstance(process, str) else process


def resolve_sampler(sampler: str | Sampler, n_steps: str | int) -> Sampler:
    """The sampler that a name stands for, with ``n_steps`` points in its time grid."""
    return sampler if isinstance(sampler, Sampler) else SAMPLERS[sampler](n_steps=n_steps)


def resolve_backbone(backbone, **rank) -> Backbone:
    """The description of the network that a name, a language model or a description stands for.

    Parameters
    ----------
    backbone : str, Path, PreTrainedModel or Backbone
        A name that is none of ``BACKBONES`` is that of a language model.
    **rank : ``rank`` and ``rank_energy`` of its adapters
        What is not the default replaces the description's own; without adapters that is a warning.
    """
    if isinstance(backbone, Backbone):
        backbone = clone(backbone)
    elif isinstance(backbone, str) and backbone in BACKBONES:
        backbone = BACKBONES[backbone]()
    else:
        backbone = LanguageModelBackbone(backbone)
    given = {name: value for name, value in rank.items() if value != DEFAULT_RANK[name]}
    if given and not isinstance(backbone, LanguageModelBackbone):
        warnings.warn(f"{' and '.join(given)} of the adapters is ignored: the backbone has none.", UserWarning, 3)
    elif given:
        backbone.set_params(**given)
    return backbone


@dataclass(frozen=True)
class Labels:
    """Finds the column of levels that a prior or a process depends on.

    Parameters
    ----------
    arrangement : Arrangement
    target : column label or None
        Of the column that ``y`` became.
    """

    arrangement: Arrangement
    target: Hashable | None

    def slot(self, what: str, column: Hashable | bool) -> int | None:
        """Categorical slot of a column: True is the target, False is none.

        Parameters
        ----------
        what : str
            What depends on it, for the message.
        column : column label or bool

        Raises
        ------
        ValueError
            If the target is asked for and there is none.
        SchemaError
            If the column has more than levels, or none.
        """
        if column is False:
            return None
        name = self.target if column is True else column
        if name is None:
            raise ValueError(
                f"{what} of classes must have a target. Got y=None instead. Call fit(X, y), or name a column."
            )
        slots = self._slots(name)
        if len(slots) != 1:
            raise SchemaError(f"label of {what} must be a column of levels. Got {name!r} instead.")
        return slots[0]

    def first_slot(self, spec: DiffusionSpec) -> int | None:
        """Slot of the column that a process draws first; a target of numbers is generated with everything else."""
        if spec.label is True and not self._slots(self.target):
            return None
        return self.slot("process", spec.label)

    def _slots(self, name: Hashable) -> list[int]:
        """Categorical slots of a column that has nothing but levels."""
        numbers = self.arrangement.numerical.get(name, slice(0, 0))
        return [] if numbers.start < numbers.stop else self.arrangement.categorical.get(name, [])


def assemble(
    table: EncodedTable,
    labels: Labels,
    family: PriorFamily,
    spec: DiffusionSpec,
    backbone: Backbone,
    root: np.random.SeedSequence,
    *,
    dtype: torch.dtype,
) -> Denoiser:
    """The process, its prior and the untrained network for an encoded table, on the CPU.

    Parameters
    ----------
    table : EncodedTable
        The training rows.
    labels : Labels
    family : PriorFamily
    spec : DiffusionSpec
    backbone : Backbone
    root : SeedSequence
        Its children 0 and 1 are used.
    dtype : torch.dtype
        Of the hidden states.
    """
    prior = family.fit(table, np.random.default_rng(stream(root, 0)), labels.slot("prior", family.label_column))
    process = spec.build(prior, table, labels.first_slot(spec))
    with borrowed_generator(stream(root, 1)):
        network = backbone.build(table)
    entropies = torch.tensor(table.entropies()).float()
    return Denoiser(process, network, entropies, prediction=spec.prediction, objective=spec.loss, dtype=dtype)
