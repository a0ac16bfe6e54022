"""evaluate(): measure every metric on the synthetic table, its ceiling and its floor."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec

import narwhals as nw
import numpy as np
import pandas as pd
import sklearn
from scipy import stats

import tabdiff_lora
from tabdiff_lora.errors import SchemaError
from tabdiff_lora.evaluation.association import Correlation, Trend
from tabdiff_lora.evaluation.augmentation import AugmentationGain, GlobalUtility
from tabdiff_lora.evaluation.columns import Arrays, TableReader, as_frame
from tabdiff_lora.evaluation.coverage import Coverage
from tabdiff_lora.evaluation.detection import Detection
from tabdiff_lora.evaluation.efficacy import Efficacy, reader_for
from tabdiff_lora.evaluation.marginals import Margins
from tabdiff_lora.evaluation.metric import Case, Metric, bootstrap_errors, by_name
from tabdiff_lora.evaluation.privacy import AttributeInference, Copies, MembershipInference
from tabdiff_lora.evaluation.report import EvaluationReport
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable, Score
from tabdiff_lora.evaluation.threads import n_threads, side_by_side
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
    real : DataFrame of shape (n, p), of pandas, polars or another library that narwhals reads
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
        Parts of the report computed side by side, one thread each: -1 takes all cores, None one thread for a small
        table and all cores for a larger one.

    Returns
    -------
    EvaluationReport

    Raises
    ------
    SchemaError
        If a table is empty, or real and holdout do not have the same columns. A metric that cannot be computed raises
        nothing: it becomes a row of the report with its reason. Nor does a synthetic table with other columns: what it
        lacks, or holds as text or infinities in place of numbers, counts as missing, and the report says so first.

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
    real = as_frame(real, "real")
    draws = [synthetic] if nw.dependencies.is_into_dataframe(synthetic) else list(synthetic)
    if not draws:
        raise SchemaError("synthetic must hold at least one table. Got an empty list instead.")
    if target is None:
        task, reader = None, TableReader(real)
    else:
        task, reader = reader_for(real, target, task)
        target = str(target)

    def few(table: Arrays, stream: int) -> Arrays:
        return table.subsample(max_rows, np.random.default_rng([random_state, 7, stream]))

    kept = None if holdout is None else few(reader.read(holdout, "holdout"), 1)
    tables, misfits = _read_synthetic(reader, draws)
    first, *others = (few(table, 2 + i) for i, table in enumerate(tables))
    case = Case(few(reader.read(real, "real"), 0), first, kept, target, task, random_state)

    tasks = {(i, name): part for i, metric in enumerate(chosen) for name, part in _parts(metric, case, others).items()}
    for module in {module for metric in chosen for module in metric.imports}:
        if find_spec(module) is not None:  # otherwise the metric says what to install
            import_module(module)
    threads = n_threads(n_jobs, len(case.real) * len(case.real.names))
    results = dict(zip(tasks, side_by_side(tasks.values(), threads), strict=True))
    scores: list[Score] = []
    details: dict[str, pd.DataFrame] = {}
    for i, metric in enumerate(chosen):
        found = {name: result for (j, name), result in results.items() if j == i}
        scores += _scores(metric, case, found)
        for part in (getattr(found["value"], "details", {}), found["explanation"]):
            if not isinstance(part, MetricUnavailable):
                details |= {f"{metric.name}.{key}": table for key, table in part.items()}
    about = {
        "n_real": len(real),
        "n_synthetic": [len(draw) for draw in draws],
        "n_holdout": None if holdout is None else len(holdout),
        "columns": {str(name): str(real[name].dtype) for name in real.columns},
        "numerical": list(reader.num_names),
        "categorical": list(reader.cat_names),
        "times": reader.times,
        "misfits": misfits,
        "target": target,
        "task": task,
        "max_rows": max_rows,
        "random_state": random_state,
        "versions": {m.__name__: m.__version__ for m in (tabdiff_lora, sklearn, pd, np)},
        "seconds": round(time.perf_counter() - start, 1),
    }
    return EvaluationReport(tuple(scores), details, about)


def _read_synthetic(reader: TableReader, draws: Sequence[pd.DataFrame]) -> tuple[list[Arrays], list[str]]:
    """Read every synthetic table whatever its columns, and say once what does not fit."""
    tables, misfits = [], []
    for draw in draws:
        frame = as_frame(draw, "synthetic")
        table, problems = reader.read_anyway(frame, "synthetic")
        tables.append(table)
        misfits += problems + [
            f"synthetic has a column {name!r} that real has not" for name in reader.further_columns(frame)
        ]
    return tables, list(dict.fromkeys(misfits))


def _choose(metrics: str | Sequence[str | Metric]) -> list[Metric]:
    if isinstance(metrics, str) and metrics in ("default", "all"):
        return [kind() for kind in (DEFAULT_METRICS if metrics == "default" else ALL_METRICS)]
    return by_name(ALL_METRICS, metrics)


Part = Callable[[], Measurement | dict]
Found = Mapping[str, Measurement | dict | MetricUnavailable]


def _parts(metric: Metric, case: Case, others: list[Arrays]) -> dict[str, Part]:
    """What there is to compute for one metric, by name; the anchors stand beside the first draw."""
    first, *rest = [metric.prepare(replace(case, candidate=draw)) for draw in (case.candidate, *others)]
    anchor = replace(first, intervals=False)
    parts: dict[str, Part] = {
        "value": partial(metric.measure, anchor if rest else first),
        "ceiling": lambda: metric.measure(metric.ceiling(anchor)),
        "floor": partial(metric.measure_floor, anchor),
        "explanation": partial(metric.explain, first),
    }
    for i, draw in enumerate(rest):
        parts[f"value {i + 2}"] = partial(metric.measure, replace(draw, intervals=False))
    if metric.n_bootstrap and not rest:
        parts["errors"] = partial(bootstrap_errors, metric, first)
    return {name: partial(_or_reason, part) for name, part in parts.items()}


def _or_reason(part: Part) -> Measurement | dict | MetricUnavailable:
    try:
        return part()
    except MetricUnavailable as reason:
        return reason


def _scores(metric: Metric, case: Case, found: Found) -> list[Score]:
    """Put the parts of one metric together."""
    first, errors = found["value"], found.get("errors", {})
    sizes = getattr(first, "rows", None) or metric.prepare(case).sizes()
    scores = []
    for name, direction in metric.scores(case.task).items():
        values = [_value(part, name) for key, part in found.items() if key.startswith("value")]
        anchors = {side: _value(found[side], name) for side in ("ceiling", "floor")}
        reasons = [str(value) for value in (*values, *anchors.values()) if isinstance(value, MetricUnavailable)]
        fields: dict = {"value": None, "reason": reasons[0] if reasons else ""}
        if not any(isinstance(value, MetricUnavailable) for value in values):
            fields |= {side: value for side, value in anchors.items() if not isinstance(value, MetricUnavailable)}
            fields |= {"value": float(np.mean(values))} | _interval(name, values, first, errors)
        fields |= sizes | getattr(first, "rows_of", {}).get(name, {})
        scores.append(Score(name, metric.group, direction=direction, seed=case.seed, **fields))
    return scores


def _value(part: Measurement | MetricUnavailable, name: str) -> float | MetricUnavailable:
    value = part if isinstance(part, MetricUnavailable) else part.values[name]
    if isinstance(value, MetricUnavailable) or np.isfinite(value):
        return value
    return MetricUnavailable(f"the result is {value}: are there extremely large or small numbers?")


def _interval(name: str, values: list[float], first: Measurement, errors: Mapping | MetricUnavailable) -> dict:
    """95 % interval and where it comes from: the draws, the resampled rows, or the metric itself."""
    mean = float(np.mean(values))
    if len(values) > 1:
        half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
        kind = f"t, over {len(values)} draws"
        return {"interval": (mean - half, mean + half), "interval_kind": kind, "draws": tuple(values)}
    if not isinstance(errors, MetricUnavailable) and name in errors:
        bounds = max(mean - 1.96 * errors[name], 0.0), mean + 1.96 * errors[name]
        return {"interval": bounds, "interval_kind": "bootstrap of the rows"}
    if np.isfinite(first.intervals.get(name, np.nan)).all():
        return {"interval": first.intervals[name], "interval_kind": first.interval_kind}
    return {}
