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
from tabdiff_lora.evaluation.augmentation import AugmentationGain, GlobalUtility
from tabdiff_lora.evaluation.coverage import Coverage
from tabdiff_lora.evaluation.detection import Detection, detection_auc
from tabdiff_lora.evaluation.efficacy import Efficacy, ml_efficiency
from tabdiff_lora.evaluation.marginals import Margins, shape_error
from tabdiff_lora.evaluation.metric import Metric
from tabdiff_lora.evaluation.privacy import AttributeInference, Copies, MembershipInference
from tabdiff_lora.evaluation.report import EvaluationReport
from tabdiff_lora.evaluation.runner import evaluate
from tabdiff_lora.evaluation.score import MetricUnavailable, Score
from tabdiff_lora.evaluation.validity import Validity

__all__ = [
    "AttributeInference",
    "AugmentationGain",
    "Copies",
    "Correlation",
    "Coverage",
    "Detection",
    "Efficacy",
    "EvaluationReport",
    "GlobalUtility",
    "Margins",
    "MembershipInference",
    "Metric",
    "MetricUnavailable",
    "Score",
    "Trend",
    "Validity",
    "association_matrix",
    "correlation_divergence",
    "detection_auc",
    "evaluate",
    "ml_efficiency",
    "shape_error",
    "trend_error",
]
