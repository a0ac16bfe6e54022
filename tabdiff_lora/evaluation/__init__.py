"""Judge a synthetic table against the real one: fidelity, dependence, detection, usefulness, privacy.

Needs no synthesizer: `evaluate` compares any two frames with the same columns.
"""

from tabdiff_lora.evaluation.association import (
    Correlation,
    Trend,
    association_matrix,
    correlation_divergence,
    trend_error,
)
from tabdiff_lora.evaluation.detection import Detection, detection_auc
from tabdiff_lora.evaluation.efficacy import Efficacy, ml_efficiency
from tabdiff_lora.evaluation.marginals import Margins, shape_error
from tabdiff_lora.evaluation.metric import Metric
from tabdiff_lora.evaluation.report import EvaluationReport
from tabdiff_lora.evaluation.runner import evaluate
from tabdiff_lora.evaluation.score import MetricUnavailable, Score

__all__ = [
    "Correlation",
    "Detection",
    "Efficacy",
    "EvaluationReport",
    "Margins",
    "Metric",
    "MetricUnavailable",
    "Score",
    "Trend",
    "association_matrix",
    "correlation_divergence",
    "detection_auc",
    "evaluate",
    "ml_efficiency",
    "shape_error",
    "trend_error",
]
