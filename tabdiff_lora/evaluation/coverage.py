"""Do synthetic rows fall where real rows are, and do they reach everywhere? (alpha-precision and beta-recall)"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tabdiff_lora.evaluation.detection import equal_sizes
from tabdiff_lora.evaluation.distance import embed, nearest
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement

LEVELS = np.linspace(0.05, 1.0, 20)


def level_agreement(inside: np.ndarray) -> float:
    """1 - sum |share - level| / sum level for rows inside the support of each level, (n, 20); 1 if share = level."""
    return float(1 - np.abs(inside.mean(axis=0) - LEVELS).sum() / LEVELS.sum())


def inside_alpha_supports(real: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """Which synthetic points (m, d) lie in the alpha-supports of the real ones (n, d): (m, 20).

    The alpha-support is the ball around the mean of the real points that holds a share alpha of them.
    """
    centre = real.mean(axis=0)
    own, other = (np.linalg.norm(points - centre, axis=1) for points in (real, synthetic))
    return other[:, None] <= np.quantile(own, LEVELS)


def covered_by_beta_supports(real: np.ndarray, synthetic: np.ndarray) -> np.ndarray:
    """Which real points (n, d) the beta-supports of as many synthetic ones cover: (n, 20).

    A real point is covered if its nearest synthetic point lies in the support and is nearer than its nearest other
    real point. A fresh sample wins this race half of the time, so the ideal recall is near 0.5, and near 1 for copies.

    NOTE[DIFF]: a tie counts one half. Where rows repeat, ties would otherwise decide the score.
    """
    centre = synthetic.mean(axis=0)
    radii = np.quantile(np.linalg.norm(synthetic - centre, axis=1), LEVELS)
    to_real = nearest(real, real, k=2)[0][:, -1]
    distance, index = nearest(real, synthetic)
    to_synthetic = distance[:, 0]
    wins = (to_synthetic < to_real) + 0.5 * (to_synthetic == to_real)
    reach = np.linalg.norm(synthetic[index[:, 0]] - centre, axis=1)
    return wins[:, None] * (reach[:, None] <= radii)


@dataclass(frozen=True)
class Coverage(Metric):
    """Alpha-precision and beta-recall, on equally many real and synthetic rows.

    Parameters
    ----------
    max_rows : int, default=4_000

    References
    ----------
    How faithful is your synthetic data? (Alaa et al., 2022). The points are ranks and one-hot codes, not the output of
    a one-class network: nothing is trained, and the reference value of held-out rows is printed beside.
    """

    max_rows: int = 4_000
    name: ClassVar[str] = "coverage"
    group: ClassVar[str] = "Coverage"
    directions: ClassVar[dict] = {"alpha_precision": "higher", "beta_recall": "match"}

    def measure(self, case: Case) -> Measurement:
        """Measure where the candidate's rows lie among the real ones."""
        real, candidate = equal_sizes(case.reference, case.candidate, self.max_rows, case.seed)
        points = embed(case.reference, real, candidate)
        inside = {"alpha_precision": inside_alpha_supports(*points), "beta_recall": covered_by_beta_supports(*points)}
        values, intervals = {}, {}
        for name, rows in inside.items():
            values[name] = level_agreement(rows)
            if not case.intervals:
                continue
            draws = [case.rng(6, b).integers(len(rows), size=len(rows)) for b in range(100)]
            low, high = np.quantile([level_agreement(rows[draw]) for draw in draws], [0.025, 0.975])
            intervals[name] = (float(low), float(high))
        sizes = replace(case.with_reference(real), candidate=candidate).sizes()
        return Measurement(values, intervals, "bootstrap", rows=sizes)
