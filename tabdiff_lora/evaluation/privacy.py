"""What the synthetic rows give away about the training rows.

Every attack here is run twice: on training rows and on held-out rows that the generator cannot know. What works equally
well on both is knowledge about the population; only the difference is a leak about persons. A difference of zero means
that *these* attacks found nothing. It is no proof of anonymity: other attacks, other side knowledge, or the rows at the
rim of the data may fare better, and only a generator trained with a differential-privacy guarantee can promise more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score, roc_curve

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.evaluation.distance import embed, nearest, nearest_without, ranks
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable
from tabdiff_lora.evaluation.significance import auc_standard_error
from tabdiff_lora.evaluation.validity import row_keys, wilson

MIN_ROWS = 50
MIN_CONTROLS = 100  # one of them is 1 % of false positives
N_NEIGHBOURS = 20


class _AgainstCopies(Metric):
    """A privacy metric: held-out rows are as safe as it gets, and handing out training rows is the worst."""

    group: ClassVar[str] = "Privacy"

    def prepare(self, case: Case) -> Case:
        """Keep every row: the more a generator hands out, the more it can give away."""
        return case

    def ceiling(self, case: Case) -> Case:
        """Return the case in which one half of the holdout is handed out and the other is the control."""
        return case.split_holdout()

    def floor(self, case: Case) -> Case:
        """Return the case of a generator that hands out its training rows."""
        return replace(case, candidate=case.real.subsample(len(case.candidate), case.rng(4)))


@dataclass(frozen=True)
class Copies(_AgainstCopies):
    """Exact copies, and how close synthetic rows lie to training rows.

    - exact_copies: share of synthetic rows equal to a training row in every column (fresh real rows may be, too).
    - nearest_ratio: median of (distance to the nearest training row) / (distance to the second nearest), NNDR.
    - memorised: share of synthetic rows whose ratio is below 1/3: far nearer to one training row than to any other.
    - closer_to_training: share of synthetic rows nearer to a training row than to a held-out one, both of equal number,
      a tie counting one half; 0.5 is ideal. A smoke test only: generators that leak have passed it.

    Parameters
    ----------
    max_rows : int, default=5_000
        Synthetic rows whose neighbours are looked up.

    References
    ----------
    The DCR delusion (Yao et al., 2025) on what distances cannot tell.
    """

    max_rows: int = 5_000
    name: ClassVar[str] = "copies"
    directions: ClassVar[dict] = {
        "exact_copies": "lower",
        "nearest_ratio": "higher",
        "memorised": "lower",
        "closer_to_training": "lower",
    }

    def measure(self, case: Case) -> Measurement:
        """Look for the candidate's rows among the training rows."""
        some = case.candidate.subsample(self.max_rows, case.rng(8))
        controls = [] if case.holdout is None else [case.holdout.subsample(len(case.real), case.rng(9, 1))]
        real, points, *held_out = embed(case.real, case.real, some, *controls)
        distance = nearest(points, real, k=2)[0]
        copies = np.isin(row_keys(case.candidate), row_keys(case.real))
        values: dict[str, float | MetricUnavailable] = {"exact_copies": float(copies.mean())}
        intervals = {"exact_copies": wilson(values["exact_copies"], len(copies))}
        if len(real) < 2:
            reason = MetricUnavailable("at least two training rows are needed")
            values |= {"nearest_ratio": reason, "memorised": reason}
        else:
            first, second = distance.T
            ratio = np.where(second > 0, first / np.where(second > 0, second, 1.0), 1.0)
            values |= {"nearest_ratio": float(np.median(ratio)), "memorised": float((ratio < 1 / 3).mean())}
            if case.intervals:
                draws = [np.median(ratio[case.rng(6, b).integers(len(ratio), size=len(ratio))]) for b in range(100)]
                intervals["nearest_ratio"] = tuple(float(q) for q in np.quantile(draws, [0.025, 0.975]))
            intervals["memorised"] = wilson(values["memorised"], len(ratio))
        details = {}
        if case.holdout is None or min(len(case.real), len(case.holdout)) < MIN_ROWS:
            values["closer_to_training"] = MetricUnavailable(f"needs {MIN_ROWS} training and {MIN_ROWS} held-out rows")
        else:
            closest = closest_records(points, real, held_out[0], distance[:, 0], case.rng(9, 0))
            share = float((np.sign(closest["held out"] - closest["training"]).mean() + 1) / 2)  # a tie is one half
            values["closer_to_training"] = share
            intervals["closer_to_training"] = wilson(share, len(points))
            details["distances"] = closest.quantile([0.01, 0.05, 0.25, 0.5]).rename_axis("share").reset_index()
        held = None if case.holdout is None else len(case.holdout)
        sizes = {"n_real": len(case.real), "n_synthetic": len(some), "n_holdout": held}
        rows_of = {"exact_copies": {"n_synthetic": len(case.candidate)}}
        return Measurement(values, intervals, "binomial; bootstrap of nearest_ratio", details, sizes, rows_of)


def closest_records(
    points: np.ndarray, real: np.ndarray, held_out: np.ndarray, to_real: np.ndarray, rng: np.random.Generator
) -> pd.DataFrame:
    """Distance of each point to the closest "training" and the closest "held out" row, with equally many of each.

    ``to_real`` are the distances to all training rows, which serve where no fewer are held out.
    """
    if len(held_out) < len(real):
        to_real = nearest(points, real[rng.choice(len(real), len(held_out), replace=False)])[0][:, 0]
    return pd.DataFrame({"training": to_real, "held out": nearest(points, held_out)[0][:, 0]})


@dataclass(frozen=True)
class MembershipInference(_AgainstCopies):
    """Can an attacker with the synthetic rows tell training rows from held-out ones?

    Half of the held-out rows are non-members; the other half is the attacker's knowledge of the population. Attacks:

    distance : minus the distance to the nearest synthetic row.
    distance difference : distance to the nearest population row minus distance to the nearest synthetic row.
    density ratio : share of synthetic rows among the 20 nearest of synthetic and population rows.

    ``membership_auc`` is the largest AUC of the three, ``membership_tpr`` the largest true-positive rate at 1 % false
    positives: an attacker takes what works. The best of three is above 0.5 and 0.01 by luck alone, and so is the
    ceiling. All attacks are in the details. AUC averages over everybody, and a leak usually concerns few: read the
    second number first.

    Parameters
    ----------
    max_rows : int, default=2_500
        Members and non-members attacked, each.
    max_known : int, default=10_000
        Population rows. The synthetic rows are all used: the copy of a member may be any of them.

    References
    ----------
    Membership inference attacks from first principles (Carlini et al., 2022); DOMIAS (van Breugel et al., 2023).
    """

    max_rows: int = 2_500
    max_known: int = 10_000
    name: ClassVar[str] = "membership"
    directions: ClassVar[dict] = {"membership_auc": "lower", "membership_tpr": "lower"}

    def measure(self, case: Case) -> Measurement:
        """Attack the candidate."""
        holdout = case.need_holdout()
        halves = np.array_split(case.rng(10).permutation(len(holdout)), 2)
        controls = holdout.take(halves[0]).subsample(self.max_rows, case.rng(11))
        population = holdout.take(halves[1]).subsample(self.max_known, case.rng(13))
        members = case.real.subsample(len(controls), case.rng(12))
        if min(len(controls), len(members)) < MIN_ROWS:
            raise MetricUnavailable(f"at least {2 * MIN_ROWS} held-out and {MIN_ROWS} training rows are needed")
        y = np.repeat([1, 0], [len(members), len(controls)])
        records, *known = embed(case.real, members + controls, case.candidate, population)
        attacks = membership_scores(records, *known, case.rng(18))
        table = pd.DataFrame([{"attack": name, **attack_success(y, score)} for name, score in attacks.items()])
        best = table.loc[table["auc"].idxmax()]
        values: dict[str, float | MetricUnavailable] = {"membership_auc": float(best["auc"])}
        intervals = {"membership_auc": (float(best["low"]), float(best["high"]))}
        if len(controls) < MIN_CONTROLS:
            values["membership_tpr"] = MetricUnavailable(f"at least {2 * MIN_CONTROLS} held-out rows are needed")
        else:
            values["membership_tpr"] = float(table["tpr_at_1pct"].max())
            intervals["membership_tpr"] = wilson(values["membership_tpr"], len(members))
        sizes = {"n_real": len(members), "n_synthetic": len(case.candidate), "n_holdout": len(holdout)}
        return Measurement(values, intervals, "DeLong; binomial of membership_tpr", {"attacks": table}, rows=sizes)


def membership_scores(
    records: np.ndarray, synthetic: np.ndarray, population: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Score of each record (n, d) under each attack: higher means "was in the training table"."""
    size = min(len(synthetic), len(population))  # a fair density ratio needs as many of each
    near, least = [], []
    for points in (rng.permutation(synthetic), rng.permutation(population)):
        near.append(nearest(records, points[:size], k=N_NEIGHBOURS)[0])
        rest = nearest(records, points[size:])[0][:, 0] if len(points) > size else np.inf
        least.append(np.minimum(near[-1][:, 0], rest))
    return {
        "distance": -least[0],
        "distance difference": least[1] - least[0],
        "density ratio": share_of_nearest(*near, k=min(N_NEIGHBOURS, size)),
    }


def share_of_nearest(first: np.ndarray, second: np.ndarray, k: int) -> np.ndarray:
    """Share of ``first`` among the k smallest of both, row by row; of those tied for the last places an equal part."""
    last = np.sort(np.concatenate([first, second], axis=1), axis=1)[:, k - 1 : k]
    inside, tied = ([(op(side, last)).sum(axis=1) for side in (first, second)] for op in (np.less, np.equal))
    return (inside[0] + (k - sum(inside)) * tied[0] / sum(tied)) / k


def attack_success(y: np.ndarray, score: np.ndarray) -> dict[str, float]:
    """AUC with its DeLong interval, and the true-positive rate at 1 % false positives."""
    auc, error = float(roc_auc_score(y, score)), auc_standard_error(y, score)
    fpr, tpr, _ = roc_curve(y, score)
    low, high = max(auc - 1.96 * error, 0.0), min(auc + 1.96 * error, 1.0)
    return {"auc": auc, "low": low, "high": high, "tpr_at_1pct": float(np.interp(0.01, fpr, tpr))}


@dataclass(frozen=True)
class AttributeInference(_AgainstCopies):
    """Do the synthetic rows help to guess one attribute of a training row better than of a held-out row?

    The attacker knows every other attribute, looks up the nearest synthetic row and reads the secret off it. A number
    counts as guessed within 0.05 of its rank. The score is the hit rate on training rows minus that on held-out rows,
    averaged over secrets; 0 is ideal, and the second rate alone is what anybody could infer from the population.

    Parameters
    ----------
    max_rows : int, default=1_000
        Training rows and held-out rows attacked.
    max_synthetic : int, default=5_000
    max_secrets : int, default=12
        Columns tried: the first in the order of their names.

    References
    ----------
    A unified framework for quantifying privacy risk in synthetic data (Giomi et al., 2023).
    """

    max_rows: int = 1_000
    max_synthetic: int = 5_000
    max_secrets: int = 12
    name: ClassVar[str] = "attributes"
    directions: ClassVar[dict] = {"attribute_inference": "lower"}

    def measure(self, case: Case) -> Measurement:
        """Attack the candidate."""
        holdout = case.need_holdout()
        n = min(len(case.real), len(holdout), self.max_rows)
        if n < MIN_ROWS:
            raise MetricUnavailable(f"at least {MIN_ROWS} training and held-out rows are needed, there are {n}")
        if len(case.real.names) < 2:
            raise MetricUnavailable("at least two columns are needed, there is one")
        records = case.real.subsample(n, case.rng(14)) + holdout.subsample(n, case.rng(15))
        handed_out = case.candidate.subsample(self.max_synthetic, case.rng(16))
        secrets = sorted(case.real.names)[: self.max_secrets]
        found = nearest_without(case.real, records, handed_out, secrets)
        hits = np.column_stack(
            [
                guessed(case.real, name, records.column(name), handed_out.column(name)[rows])
                for name, rows in zip(secrets, found.T, strict=True)
            ]
        )
        members, controls = hits[:n], hits[n:]
        gain = float(members.mean() - controls.mean())
        error = float(np.sqrt((members.mean(axis=1).var(ddof=1) + controls.mean(axis=1).var(ddof=1)) / n))
        rates = {"secret": secrets, "training": members.mean(axis=0), "held out": controls.mean(axis=0)}
        return Measurement(
            {"attribute_inference": gain},
            {"attribute_inference": (gain - 1.96 * error, gain + 1.96 * error)},
            "normal, over attacked rows",
            {"secrets": pd.DataFrame(rates)},
            {"n_real": n, "n_synthetic": len(handed_out), "n_holdout": n},
        )


def guessed(real: Arrays, secret: str, truth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """Whether each guess is right, (n,) bool: the same category, or a number within 0.05 of the rank."""
    if not real.is_numerical(secret):
        return truth == guess
    close = np.abs(ranks(real.column(secret), truth) - ranks(real.column(secret), guess)) <= 0.05
    return np.where(np.isnan(truth) | np.isnan(guess), np.isnan(truth) & np.isnan(guess), close)
