"""The samplers: each file is one method, its step named and written as in its paper."""

from tabdiff_lora.sampling.base import Sampler
from tabdiff_lora.sampling.ddim import AncestralSampler, DDIMSampler
from tabdiff_lora.sampling.dpm_solver import DPMSolverSampler
from tabdiff_lora.sampling.grids import KarrasGrid, LinearGrid, LogSNRGrid, QuadraticGrid, TimeGrid
from tabdiff_lora.sampling.heun import HeunSampler

__all__ = [
    "AncestralSampler",
    "DDIMSampler",
    "DPMSolverSampler",
    "HeunSampler",
    "KarrasGrid",
    "LinearGrid",
    "LogSNRGrid",
    "QuadraticGrid",
    "Sampler",
    "TimeGrid",
]
