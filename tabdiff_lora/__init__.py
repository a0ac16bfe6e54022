"""Learn a table, draw new rows from it: mixed-type diffusion, optionally carried by a language model with LoRA.

>>> from tabdiff_lora import TabularDiffusionSynthesizer, evaluate
>>> fake = TabularDiffusionSynthesizer().fit(df).sample(1_000)  # doctest: +SKIP
>>> evaluate(df, fake, holdout=df_test)  # doctest: +SKIP

Importing the package is quick: a public name loads its module, and with it torch, pandas or catboost, when it is first
used (PEP 562).
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tabdiff_lora.augment import (
        DiffusionImputer,
        SyntheticOverSampler,
        SyntheticTrainingClassifier,
        SyntheticTrainingRegressor,
        sample_pipeline,
    )
    from tabdiff_lora.conditions import between, is_missing, is_present, one_of
    from tabdiff_lora.evaluation import EvaluationReport, evaluate, explore
    from tabdiff_lora.presets import tabddpm
    from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer
    from tabdiff_lora.table import TableEncoder, TableSchema, infer_schema

__version__ = "0.1.0"

__all__ = [
    "DiffusionImputer",
    "EvaluationReport",
    "SyntheticOverSampler",
    "SyntheticTrainingClassifier",
    "SyntheticTrainingRegressor",
    "TableEncoder",
    "TableSchema",
    "TabularDiffusionSynthesizer",
    "__version__",
    "between",
    "evaluate",
    "explore",
    "infer_schema",
    "is_missing",
    "is_present",
    "one_of",
    "sample_pipeline",
    "tabddpm",
]

_HOME_OF = {
    "DiffusionImputer": "augment",
    "EvaluationReport": "evaluation",
    "SyntheticOverSampler": "augment",
    "SyntheticTrainingClassifier": "augment",
    "SyntheticTrainingRegressor": "augment",
    "TableEncoder": "table",
    "TableSchema": "table",
    "TabularDiffusionSynthesizer": "synthesizer",
    "between": "conditions",
    "evaluate": "evaluation",
    "explore": "evaluation",
    "infer_schema": "table",
    "is_missing": "conditions",
    "is_present": "conditions",
    "one_of": "conditions",
    "sample_pipeline": "augment",
    "tabddpm": "presets",
}
_MODULES = {
    "augment",
    "backbones",
    "benchmark",
    "conditions",
    "datasets",
    "denoiser",
    "diffusion",
    "drawing",
    "errors",
    "evaluation",
    "persistence",
    "presets",
    "sampling",
    "synthesizer",
    "table",
    "testing",
    "training",
}

logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
