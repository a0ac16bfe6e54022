"""Training: a loop that knows tensors, not tables."""

from tabdiff_lora.training.budget import Budget, TimeLimit
from tabdiff_lora.training.ema import PowerEMA
from tabdiff_lora.training.plan import TrainingPlan
from tabdiff_lora.training.rows import TrainingRows
from tabdiff_lora.training.trainer import History, Trainer

__all__ = ["Budget", "History", "PowerEMA", "TimeLimit", "Trainer", "TrainingPlan", "TrainingRows"]
