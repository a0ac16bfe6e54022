"""What a metric is: something that measures a case, and knows the cases to hold its value against."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from tabdiff_lora.evaluation.columns import Arrays
from tabdiff_lora.evaluation.score import Direction, Measurement, MetricUnavailable

NO_HOLDOUT = "needs real rows that the generator has not seen: pass holdout="
NO_CEILING = "no ceiling without a holdout"


@dataclass(frozen=True)
class Case:
    """One comparison: a candidate table, the real table, and real rows held out from the generator.

    Attributes
    ----------
    real, candidate : Arrays
    holdout : Arrays or None
    target, task : str or None
        Column to predict, and "classification" or "regression".
    seed : int
    intervals : bool
        Whether the candidate's intervals are wanted: those of an anchor, or of one draw among several, are not shown.
    """

    real: Arrays
    candidate: Arrays
    holdout: Arrays | None = None
    target: str | None = None
    task: str | None = None
    seed: int = 0
    intervals: bool = True

    @property
    def reference(self) -> Arrays:
        """The rows to resemble: held-out ones if there are any, so that copying the training rows earns nothing."""
        return self.real if self.holdout is None else self.holdout

    def with_reference(self, reference: Arrays) -> Case:
        """Return the case with other rows to resemble."""
        return replace(self, **{"real" if self.holdout is None else "holdout": reference})

    def sizes(self) -> dict[str, int]:
        """Return the sizes of reference and candidate under the names they have in a Score."""
        return {
            "n_real" if self.holdout is None else "n_holdout": len(self.reference),
            "n_synthetic": len(self.candidate),
        }

    def rng(self, *stream: int) -> np.random.Generator:
        """Return a random stream that depends on the seed and on ``stream`` only."""
        return np.random.default_rng([self.seed, *stream])

    def need_holdout(self) -> Arrays:
        """Return the holdout, or raise the reason why there is no score."""
        if self.holdout is None:
            raise MetricUnavailable(NO_HOLDOUT)
        return self.holdout

    def need_target(self) -> tuple[str, str]:
        """Return target and task, or raise the reason why there is no score."""
        if self.target is None or self.task is None:
            raise MetricUnavailable("needs a column to predict: pass target=")
        return self.target, self.task

    def split_holdout(self) -> Case:
        """Return the case in which one half of the holdout stands in for the synthetic rows and the other remains."""
        if self.holdout is None:
            raise MetricUnavailable(NO_CEILING)
        order = self.rng(2).permutation(len(self.holdout))
        candidate, holdout = (self.holdout.take(np.sort(half)) for half in np.array_split(order, 2))
        return replace(self, candidate=candidate, holdout=holdout)

    def at_most(self, n_rows: int) -> Case:
        """Return the case with every table subsampled to at most ``n_rows`` rows."""
        tables = (self.real, self.candidate, self.holdout)
        small = [None if table is None else table.subsample(n_rows, self.rng(i)) for i, table in enumerate(tables)]
        return replace(self, real=small[0], candidate=small[1], holdout=small[2])


class Metric(ABC):
    """A measurement with anchors; concrete metrics are frozen dataclasses whose fields are their settings.

    A metric uses one thread: `evaluate` runs the parts of all metrics side by side.

    Attributes
    ----------
    name, group : str
        Key in ``metrics=[...]``; chapter of the report.
    directions : mapping of str to Direction
        The scores it yields and which way each is better.
    n_bootstrap : int
        Resamples of the rows for the intervals; 0 if `measure` brings its own.
    imports : tuple of str
        Modules to load before metrics run side by side: CatBoost loads polars, which scikit-learn looks for in
        ``sys.modules`` and must not find half loaded by another thread.
    """

    name: ClassVar[str]
    group: ClassVar[str]
    directions: ClassVar[Mapping[str, Direction]]
    n_bootstrap: ClassVar[int] = 0
    imports: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def measure(self, case: Case) -> Measurement:
        """Measure the candidate of a case; raise MetricUnavailable with the reason if it has no value."""

    def scores(self, task: str | None) -> Mapping[str, Direction]:
        """Return the scores to expect for a task."""
        return self.directions

    def prepare(self, case: Case) -> Case:
        """Give the candidates of value, ceiling and floor one size, so that they can be compared.

        Distances between samples shrink as rows are added, so that a larger sample would look better than it is.
        """
        return replace(case, candidate=case.candidate.subsample(len(case.real), case.rng(1)))

    def ceiling(self, case: Case) -> Case:
        """Return the case in which the real training rows stand in for the synthetic ones."""
        if case.holdout is None:
            raise MetricUnavailable(NO_CEILING)
        return replace(case, candidate=case.real.subsample(len(case.candidate), case.rng(2)))

    def floor(self, case: Case) -> Case:
        """Return the case in which independently shuffled columns of the real table stand in for the synthetic ones."""
        shuffled = case.real.shuffled(case.rng(3))
        return replace(case, candidate=shuffled.subsample(len(case.candidate), case.rng(4)))

    def measure_floor(self, case: Case) -> Measurement:
        """Measure the floor of a case."""
        return self.measure(self.floor(case))

    def explain(self, case: Case) -> dict[str, pd.DataFrame]:
        """Return further tables about the synthetic rows, which are not needed for the anchors."""
        return {}


def bootstrap_errors(metric: Metric, case: Case) -> dict[str, float]:
    """Standard errors of the scores, from resampling the rows of both tables.

    Distances between samples grow when rows are repeated, so the quantiles of the resampled values would sit above the
    value itself; their spread does not have this fault.
    """
    draws: dict[str, list[float]] = {}
    for b in range(metric.n_bootstrap):
        rng = case.rng(5, b)
        reference, candidate = (t.take(rng.integers(len(t), size=len(t))) for t in (case.reference, case.candidate))
        resampled = metric.measure(replace(case.with_reference(reference), candidate=candidate)).values
        for name, value in resampled.items():
            if not isinstance(value, MetricUnavailable):
                draws.setdefault(name, []).append(value)
    return {name: float(np.std(x, ddof=1)) for name, x in draws.items() if len(x) > 1}


def by_name(registry: Sequence[type[Metric]], names: str | Sequence[str | Metric]) -> list[Metric]:
    """Turn names and metrics into metrics."""
    known = {kind.name: kind for kind in registry}
    chosen = []
    for item in [names] if isinstance(names, str | Metric) else names:
        if isinstance(item, Metric):
            chosen.append(item)
        elif item in known:
            chosen.append(known[item]())
        else:
            expected = f"among {sorted(known)}, 'default', 'all', or Metric objects"
            raise ValueError(f"metrics must be {expected}. Got {item!r} instead.")
    return chosen
