"""The mathematics: a process is a schedule plus a prior; it corrupts, and it knows Bayes' rule."""

from tabdiff_lora.diffusion.categorical import CategoricalDiffusion
from tabdiff_lora.diffusion.covariance import Covariance
from tabdiff_lora.diffusion.gaussian import GaussianDiffusion
from tabdiff_lora.diffusion.mixed import TableDiffusion
from tabdiff_lora.diffusion.priors import GaussianPrior
from tabdiff_lora.diffusion.schedule import CosineSchedule, KarrasSchedule, KeepSchedule, NoiseSchedule

__all__ = [
    "CategoricalDiffusion",
    "CosineSchedule",
    "Covariance",
    "GaussianDiffusion",
    "GaussianPrior",
    "KarrasSchedule",
    "KeepSchedule",
    "NoiseSchedule",
    "TableDiffusion",
]
