"""What each score and each chapter of the report is called in plain words."""

from __future__ import annotations

from tabdiff_lora.evaluation.score import Score

TITLES: dict[str, tuple[str, str]] = {
    "shape_error": ("Shape error", "Distance between margins (KS or total variation), mean over columns"),
    "wasserstein": ("Wasserstein distance", "How far numbers would have to move, in standard deviations"),
    "jensen_shannon": ("Jensen-Shannon distance", "Distance between binned margins, mean over columns"),
    "trend_error": ("Trend error", "Distance between joint tables or correlations, mean over pairs; bins shared"),
    "pearson_difference": ("Pearson difference", "Mean absolute difference of correlations"),
    "pearson_frobenius": ("Pearson Frobenius norm", "Norm of the difference of the correlation matrices"),
    "spearman_difference": ("Spearman difference", "Mean absolute difference of rank correlations"),
    "spearman_frobenius": ("Spearman Frobenius norm", "Norm of the difference of the rank-correlation matrices"),
    "mixed_difference": ("Association difference", "The same over Pearson, correlation ratio and Cramér's V"),
    "mixed_frobenius": ("Association Frobenius norm", "Norm of the difference of the mixed association matrices"),
    "out_of_range": ("Out of range", "Share of numbers outside the range of the real table"),
    "off_grid": ("Off the grid", "Share of numbers with more decimals than the real column ever has"),
    "unseen_categories": ("Unseen categories", "Share of categories the real table does not know"),
    "impossible_pairs": ("Impossible pairs", "Share of rows with two values that no real row holds together"),
    "missing_pattern_error": ("Missingness pattern error", "Distance between what is missing together"),
    "repeated_rows": ("Repeated rows", "Share of rows found more than once in the same table; the ceiling is ideal"),
    "alpha_precision": ("Alpha-precision", "Do synthetic rows fall where real rows are"),
    "beta_recall": ("Beta-recall", "Are real rows reached; near 0.5 is ideal, near 1 means copying"),
    "detection_auc": ("Detection AUC", "Gradient boosting tells synthetic from real rows; 0.5 is a guess"),
    "detection_margins": ("… by margins alone", "The same after shuffling every column of both tables"),
    "detection_dependence": ("… by dependence alone", "The same after repairing the margins that differ"),
    "macro_f1": ("Macro-F1", "Train on synthetic rows, test on held-out real ones; mean F1 over classes"),
    "accuracy": ("Accuracy", "Train on synthetic rows, test on held-out real ones"),
    "roc_auc": ("ROC-AUC", "Train on synthetic rows, test on held-out real ones"),
    "log_loss": ("Log loss", "Train on synthetic rows, test on held-out real ones; also judges calibration"),
    "r2": ("R²", "Train on synthetic rows, test on held-out real ones"),
    "rmse": ("RMSE", "Train on synthetic rows, test on held-out real ones; in units of the target"),
    "augmentation_gain": ("Augmentation gain", "What adding the synthetic rows to the real ones gains"),
    "global_utility": ("Global utility", "Train on synthetic, test on real, every column as the target in turn"),
    "exact_copies": ("Exact copies", "Share of synthetic rows equal to a training row"),
    "nearest_ratio": ("Neighbour distance ratio", "Distance to the nearest training row over that to the second"),
    "memorised": ("Suspiciously near", "Share of rows three times nearer to one training row than to any other"),
    "closer_to_training": ("Nearer to training", "Share of rows nearer to training than to held-out rows; ideal 0.5"),
    "membership_auc": ("Membership inference", "AUC of telling training from held-out rows, best of three attacks"),
    "membership_tpr": ("Members exposed", "Share of training rows found at 1 % false alarms, best of three attacks"),
    "attribute_inference": ("Attribute inference", "Extra hit rate when guessing an attribute of a training row"),
}

CHAPTERS: dict[str, str] = {
    "Single columns": "Is each column distributed as it should be? The ceiling is what real rows score: chance alone "
    "costs that much. The floor, shuffled columns, is as good here and fails everywhere below.",
    "Pairs of columns": "Do columns depend on each other as they should? The floor has perfect single columns and no "
    "dependence at all.",
    "Validity": "Are the values possible ones?",
    "Coverage": "Do the rows fall where real rows fall, and everywhere they fall?",
    "Detection": "A strong classifier tries to tell synthetic rows from real ones it has not been trained on. It sees "
    "everything the scores above may miss.",
    "Usefulness": "A model trained on synthetic rows predicts held-out real ones. The ceiling is the same model "
    "trained on as many real rows, the floor one that knows the shares of the target and nothing else.",
    "Privacy": "Attacks on the training rows, with held-out rows as control; the floor is a generator that hands out "
    "its training rows. A small number means that these attacks found nothing. It does not prove anonymity: other "
    "attacks, other knowledge, or the rarest rows may fare otherwise.",
}


def title(name: str) -> tuple[str, str]:
    """Return title and explanation of a score; an unknown one is titled by its own name."""
    return TITLES.get(name, (name.replace("_", " ").capitalize(), ""))


def in_columns(score: Score, decimals: int) -> str:
    """Value, ceiling and floor of a score in three columns of a terminal, each of eleven characters."""
    return "".join(f"{_number(x, decimals):>11}" for x in (score.value, score.ceiling, score.floor))


def _number(x: float | None, decimals: int) -> str:
    if x is None:
        return "-"
    return f"{x:.{decimals}f}" if abs(x) < 1_000 else f"{x:,.0f}"
