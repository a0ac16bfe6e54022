"""The mathematics: a process is a schedule plus a prior; it corrupts, and it knows Bayes' rule."""

from tabdiff_lora.diffusion.categorical import CategoricalDiffusion, Label
from tabdiff_lora.diffusion.covariance import Covariance
from tabdiff_lora.diffusion.families import (
    GaussianPerClass,
    MixtureOfGaussians,
    PriorFamily,
    SingleGaussian,
    StandardNormal,
)
from tabdiff_lora.diffusion.gaussian import GaussianDiffusion
from tabdiff_lora.diffusion.mixed import TableDiffusion
from tabdiff_lora.diffusion.mixture import MixturePrior
from tabdiff_lora.diffusion.posterior import EigenRoot, Posterior, TriangularRoot
from tabdiff_lora.diffusion.priors import GaussianPrior, Prior
from tabdiff_lora.diffusion.schedule import (
    CategorySchedule,
    CosineSchedule,
    DiscreteCosineSchedule,
    KarrasSchedule,
    KeepSchedule,
    NoiseSchedule,
    SharedSchedule,
)
from tabdiff_lora.diffusion.spec import DiffusionSpec

__all__ = [
    "CategoricalDiffusion",
    "CategorySchedule",
    "CosineSchedule",
    "Covariance",
    "DiffusionSpec",
    "DiscreteCosineSchedule",
    "EigenRoot",
    "GaussianDiffusion",
    "GaussianPerClass",
    "GaussianPrior",
    "KarrasSchedule",
    "KeepSchedule",
    "Label",
    "MixtureOfGaussians",
    "MixturePrior",
    "NoiseSchedule",
    "Posterior",
    "Prior",
    "PriorFamily",
    "SharedSchedule",
    "SingleGaussian",
    "StandardNormal",
    "TableDiffusion",
    "TriangularRoot",
]
