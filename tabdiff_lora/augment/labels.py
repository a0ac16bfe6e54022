"""Class labels of any form that imbalanced-learn accepts, and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.preprocessing import label_binarize
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d


def one_label_per_row(y) -> np.ndarray:
    """Class labels (n,) of any form that imbalanced-learn accepts."""
    values = np.asarray(y)
    kind = type_of_target(y)
    if kind == "multilabel-indicator":
        if (values.sum(axis=1) > 1).any():
            raise ValueError("Multilabel and multioutput targets are not supported. y must have one class per row.")
        return values.argmax(axis=1)
    if kind.endswith("multioutput"):
        raise ValueError("Multilabel and multioutput targets are not supported. y must have one class per row.")
    check_classification_targets(y)
    return column_or_1d(y)


def labels_like(y, labels: np.ndarray, classes: np.ndarray, index: pd.Index):
    """Labels (m,) in the form of y."""
    if isinstance(y, pd.Series):
        return pd.Series(labels, index=index, name=y.name).astype(y.dtype)
    if isinstance(y, pd.DataFrame):
        return pd.DataFrame(labels[:, None], index=index, columns=y.columns).astype(y.dtypes)
    if type_of_target(y) == "multilabel-indicator":
        labels = label_binarize(labels, classes=classes)
    return labels.tolist() if isinstance(y, list) else labels
