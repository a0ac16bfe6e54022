"""Synthetic rows inside other people's machinery: over-sampling, imputation, training on synthetic rows, pipelines.

Each of these fits a clone of a synthesizer on what ``fit`` is given and on nothing else, so that inside a
cross-validation no row of a test fold is ever seen.
"""

from tabdiff_lora.augment.imputer import DiffusionImputer
from tabdiff_lora.augment.over_sampler import SyntheticOverSampler
from tabdiff_lora.augment.pipeline import sample_pipeline
from tabdiff_lora.augment.synthetic_training import SyntheticTrainingClassifier, SyntheticTrainingRegressor

__all__ = [
    "DiffusionImputer",
    "SyntheticOverSampler",
    "SyntheticTrainingClassifier",
    "SyntheticTrainingRegressor",
    "sample_pipeline",
]
