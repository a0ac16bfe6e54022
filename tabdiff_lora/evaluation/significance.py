"""How sure can one be of a number, and of a difference between two."""

from __future__ import annotations

import numpy as np
from scipy import stats


def auc_standard_error(y: np.ndarray, score: np.ndarray) -> float:
    """Standard error of the area under the ROC curve, without resampling.

    With placements V_i = P(score_neg < score_pos,i) (ties count half) and their mirror images W_j over the negatives,
    var(AUC) = var(V) / n_pos + var(W) / n_neg.

    References
    ----------
    Comparing the areas under two or more correlated ROC curves (DeLong et al., 1988).
    """
    pos, neg = score[y == 1], score[y == 0]
    ranks = stats.rankdata(np.concatenate([pos, neg]))
    v = (ranks[: len(pos)] - stats.rankdata(pos)) / len(neg)
    w = (ranks[len(pos) :] - stats.rankdata(neg)) / len(pos)
    return float(np.sqrt(v.var(ddof=1) / len(pos) + w.var(ddof=1) / len(neg)))
