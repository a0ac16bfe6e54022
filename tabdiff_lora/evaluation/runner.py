"""evaluate(): measure every metric on the synthetic table, its ceiling and its floor."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import sklearn
from scipy import stats

import tabdiff_lora
from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation.association import Correlation, Trend
from tabdiff_lora.evaluation.augmentation import AugmentationGain, GlobalUtility
from tabdiff_lora.evaluation.columns import Arrays, TableReader
from tabdiff_lora.evaluation.coverage import Coverage
from tabdiff_lora.evaluation.detection import Detection
from tabdiff_lora.evaluation.efficacy import Efficacy, reader_for
from tabdiff_lora.evaluation.marginals import Margins
from tabdiff_lora.evaluation.metric import Case, Metric, bootstrap_intervals, by_name
from tabdiff_lora.evaluation.privacy import AttributeInference, Copies, MembershipInference
from tabdiff_lora.evaluation.report import EvaluationReport
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable, Score
from tabdiff_lora.evaluation.validity import Validity

DEFAULT_METRICS = (
    Margins,
    Trend,
    Correlation,
    Validity,
    Coverage,
    Detection,
    Efficacy,
    Copies,
    MembershipInference,
    AttributeInference,
)
ALL_METRICS = (*DEFAULT_METRICS, AugmentationGain, GlobalUtility)


def evaluate(
    real: pd.DataFrame,
    synthetic: pd.DataFrame | Sequence[pd.DataFrame],
    *,
    holdout: pd.DataFrame | None = None,
    target: str | None = None,
    task: str = "auto",
    metrics: str | Sequence[str | Metric] = "default",
    max_rows: int = 20_000,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> EvaluationReport:
    """Judge a synthetic table against the real one, every number between a ceiling and a floor.

    Parameters
    ----------
    real : DataFrame of shape (n, p)
        The rows the generator was trained on.
    synthetic : DataFrame of shape (m, p), or list of them
        Rows of the generator. With several draws each is measured, and the report gives mean and spread over draws.
    holdout : DataFrame of shape (h, p) or None, default=None
        Real rows the generator has not seen: those the synthetic ones should resemble. Without them there is no
        ceiling, no usefulness and no membership attack, and all else has to be compared with the training rows, where
        a generator that copies them looks perfect.
    target : column name or None, default=None
        Column that a model trained on the synthetic rows should predict.
    task : {"auto", "classification", "regression"}, default="auto"
        "auto": text, categories, booleans and integers with at most 10 values are classes.
    metrics : "default", "all", or sequence of names and Metric objects, default="default"
        ``["margins", Efficacy(n_seeds=5)]`` chooses and configures.
    max_rows : int, default=20_000
        Each table is subsampled to this many rows; the report states the sizes.
    random_state : int, default=0
    n_jobs : int or None, default=None
        Threads; None uses what the libraries below take by themselves.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    SchemaError
        If the tables do not have the same columns. A metric that cannot be computed raises nothing: it becomes a row
        of the report with its reason.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from tabdiff_lora.evaluation import evaluate
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"x": rng.normal(size=300), "c": rng.choice(["a", "b"], 300)})
    >>> report = evaluate(table[:100], table[100:200], holdout=table[200:], metrics=["margins", "trend"])
    >>> [score.name for score in report.scores]
    ['shape_error', 'wasserstein', 'jensen_shannon', 'trend_error']
    """
    start = time.perf_counter()
    chosen = _choose(metrics)
    draws = [synthetic] if isinstance(synthetic, pd.DataFrame) else list(synthetic)
    if not draws:
        raise SchemaError("synthetic must hold at least one table. Got an empty list instead.")
    if target is None:
        task, reader = None, TableReader(real)
    else:
        task, reader = reader_for(real, target, task)
        target = str(target)

    def read(df: pd.DataFrame, who: str, stream: int) -> Arrays:
        return reader.read(df, who).subsample(max_rows, np.random.default_rng([random_state, 7, stream]))

    kept = None if holdout is None else read(holdout, "holdout", 1)
    first, *others = (read(draw, "synthetic", 2 + i) for i, draw in enumerate(draws))
    case = Case(read(real, "real", 0), first, kept, target, task, random_state, n_jobs)

    scores: list[Score] = []
    details: dict[str, pd.DataFrame] = {}
    for metric in chosen:
        rows, tables = _measure(metric, case, others)
        scores += rows
        details |= {f"{metric.name}.{key}": table for key, table in tables.items()}
    about = {
        "n_real": len(real),
        "n_synthetic": [len(draw) for draw in draws],
        "n_holdout": None if holdout is None else len(holdout),
        "columns": {str(name): str(real[name].dtype) for name in real.columns},
        "numerical": list(reader.num_names),
        "categorical": list(reader.cat_names),
        "target": target,
        "task": task,
        "max_rows": max_rows,
        "random_state": random_state,
        "versions": {m.__name__: m.__version__ for m in (tabdiff_lora, sklearn, pd, np)},
        "seconds": round(time.perf_counter() - start, 1),
    }
    return EvaluationReport(tuple(scores), details, about)


def _choose(metrics: str | Sequence[str | Metric]) -> list[Metric]:
    if isinstance(metrics, str) and metrics in ("default", "all"):
        return [kind() for kind in (DEFAULT_METRICS if metrics == "default" else ALL_METRICS)]
    return by_name(ALL_METRICS, metrics)


def _measure(metric: Metric, case: Case, others: list[Arrays]) -> tuple[list[Score], dict[str, pd.DataFrame]]:
    """Scores and details of one metric: the value over all draws, then ceiling and floor for the first."""
    directions = metric.scores(case.task)
    cases = [metric.prepare(replace(case, candidate=draw)) for draw in [case.candidate, *others]]
    try:
        measured = [metric.measure(one) for one in cases]
    except MetricUnavailable as reason:
        common = {"group": metric.group, "seed": case.seed, "reason": str(reason)}
        return [Score(name, value=None, direction=way, **common) for name, way in directions.items()], {}

    first = measured[0]
    if len(measured) > 1:
        intervals, kind = _spread(measured), f"spread of {len(measured)} draws"
    elif metric.n_bootstrap:
        known = {name: value for name, value in first.values.items() if not isinstance(value, MetricUnavailable)}
        intervals, kind = bootstrap_intervals(metric, cases[0], known), "bootstrap"
    else:
        intervals, kind = dict(first.intervals), first.interval_kind

    anchors = {"ceiling": _anchor(metric, metric.ceiling, cases[0]), "floor": _anchor(metric, metric.floor, cases[0])}
    sizes = first.rows or cases[0].sizes()
    scores = []
    for name, direction in directions.items():
        values = [one.values[name] for one in measured]
        fields: dict = {"value": None, "reason": ""}
        absent = [value for value in values if isinstance(value, MetricUnavailable)]
        if absent:
            fields["reason"] = str(absent[0])
        else:
            fields["value"] = float(np.mean(values))
            for side, anchor in anchors.items():
                known = anchor if isinstance(anchor, MetricUnavailable) else anchor.values[name]
                if isinstance(known, MetricUnavailable):
                    fields["reason"] = str(known)
                else:
                    fields[side] = known
            if name in intervals:
                fields |= {"interval": intervals[name], "interval_kind": kind}
        scores.append(Score(name, metric.group, direction=direction, seed=case.seed, **fields, **sizes))
    return scores, dict(first.details) | metric.explain(cases[0])


def _anchor(metric: Metric, stand_in, case: Case) -> Measurement | MetricUnavailable:
    try:
        return metric.measure(stand_in(case))
    except MetricUnavailable as reason:
        return reason


def _spread(measured: list[Measurement]) -> dict[str, tuple[float, float]]:
    """95 % t-intervals of the mean over draws."""
    intervals = {}
    for name in measured[0].values:
        values = [one.values[name] for one in measured]
        if any(isinstance(value, MetricUnavailable) for value in values):
            continue
        half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
        intervals[name] = (float(np.mean(values) - half), float(np.mean(values) + half))
    return intervals
