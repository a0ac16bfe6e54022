"""Is the synthetic table as useful as the real one for training a model? (train on synthetic, test on real)"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import accuracy_score, f1_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error

from tabdiff_lora.errors import MissingDependencyError, SchemaError
from tabdiff_lora.evaluation.columns import Arrays, TableReader, as_frame, as_numbers, time_kind
from tabdiff_lora.evaluation.metric import Case, Metric
from tabdiff_lora.evaluation.score import Measurement, MetricUnavailable
from tabdiff_lora.evaluation.threads import n_threads

Task = Literal["auto", "classification", "regression"]
PUBLISHED = {  # learning rate, depth, l2, bagging temperature, leaf iterations
    "abalone": (0.02805, 5, 7.780, 0.0267, 9),
    "adult": (0.16887, 3, 0.1933, 0.1196, 8),
    "buddy": (0.16147, 4, 7.395, 0.6340, 10),
    "california": (0.04791, 9, 3.524, 0.2506, 5),
    "cardio": (0.12573, 4, 2.785, 0.0366, 2),
    "churn2": (0.46671, 3, 8.857, 0.2955, 1),
    "default": (0.29028, 4, 4.408, 0.8052, 1),
    "diabetes": (0.02656, 3, 0.8067, 0.6362, 9),
    "fb-comments": (0.06976, 10, 0.1209, 0.8560, 3),
    "gesture": (0.06605, 7, 1.014, 0.3225, 9),
    "higgs-small": (0.05942, 8, 4.165, 0.7435, 4),
    "house": (0.04196, 8, 7.668, 0.7201, 4),
    "insurance": (0.08663, 6, 8.929, 0.9637, 4),
    "king": (0.08557, 5, 6.579, 0.3628, 6),
    "miniboone": (0.09465, 9, 3.988, 0.4583, 5),
    "wilt": (0.13878, 6, 1.104, 0.9966, 4),
}
CLASSIFICATION_SCORES = ("macro_f1", "accuracy", "roc_auc", "log_loss")
REGRESSION_SCORES = ("r2", "rmse")
MAX_CLASSES = 10

DEFAULT_SETTINGS = {"iterations": 300, "learning_rate": 0.1, "depth": 6}
VALIDATION_SHARE = 0.25


def infer_task(target: pd.Series, task: str = "auto") -> Literal["classification", "regression"]:
    """Return the task: text, categories, booleans and integers with at most 10 values are classes, the rest numbers.

    Dates and durations are numbers; also understands "binclass" and "multiclass".
    """
    if task in ("regression", "classification"):
        return task
    if task in ("binclass", "multiclass"):
        return "classification"
    if task != "auto":
        raise ValueError(f"task must be 'auto', 'classification' or 'regression'. Got {task!r} instead.")
    numbers = as_numbers(target)
    if numbers is None:
        return "classification"
    values = np.unique(numbers[~np.isnan(numbers)])
    few = len(values) <= MAX_CLASSES and (values == np.round(values)).all()
    return "classification" if few and time_kind(target) is None else "regression"


def split_target(table: Arrays, target: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Features as a frame (float columns, then int64 codes) and target (n,), without rows whose target is missing."""
    y = table.column(target)
    keep = ~np.isnan(y) if table.is_numerical(target) else y != len(table.labels(target)) - 2
    parts = [
        pd.DataFrame(table.num[keep], columns=table.num_names),
        pd.DataFrame(table.cat[keep], columns=table.cat_names),
    ]
    return pd.concat(parts, axis=1).drop(columns=target), y[keep]


def published_settings(table: str) -> dict:
    """Return the CatBoost settings that TabDDPM tuned on the real rows of a table and used for every generator.

    Training goes on while the watched score may still rise (``od_pval``), at least 50 trees past the best: on a small
    table, where the watched score is noisy, stopping at 50 costs five hundredths of a macro-F1.

    NOTE[DIFF]: without a validation set, early stopping watches a part of the test set that is then not scored.

    Parameters
    ----------
    table : str
        abalone, adult, buddy, california, cardio, churn2, default, diabetes, fb-comments, gesture, higgs-small, house,
        insurance, king, miniboone or wilt.

    References
    ----------
    TabDDPM (Kotelnikov et al., 2023), tuned_models/catboost in the authors' repository.
    """
    if table not in PUBLISHED:
        raise ValueError(f"table must be one of {sorted(PUBLISHED)}. Got {table!r} instead.")
    names = ("learning_rate", "depth", "l2_leaf_reg", "bagging_temperature", "leaf_estimation_iterations")
    stopping = {"iterations": 2000, "early_stopping_rounds": 50, "od_pval": 0.001}
    return dict(zip(names, PUBLISHED[table], strict=True)) | stopping


def catboost_model(task: str, settings: dict | None, seed: int, threads: int):
    """Return an untrained CatBoost model that writes no files and prints nothing."""
    try:
        from catboost import CatBoostClassifier, CatBoostRegressor
    except ImportError as error:
        raise MissingDependencyError("ML efficiency needs CatBoost: pip install catboost") from error
    common = {
        "random_seed": seed,
        "thread_count": threads,
        "allow_writing_files": False,
        "verbose": 0,
    }
    kind = CatBoostClassifier if task == "classification" else CatBoostRegressor
    metric = {"eval_metric": "TotalF1" if task == "classification" else "RMSE"}
    chosen = DEFAULT_SETTINGS if settings is None else settings
    return kind(**(metric if "early_stopping_rounds" in chosen else {}) | chosen | common)


def ignorant(task: str | None) -> BaseEstimator:
    """Return a model that predicts the shares of the classes, or the mean, whatever the other columns say."""
    return DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")


def fit(model, x: pd.DataFrame, y: np.ndarray, **options):
    """Fit a model; one that refuses the table has no score, and says why."""
    from catboost import CatBoostError

    try:
        return model.fit(x, y, **options)
    except (ValueError, CatBoostError) as error:
        reason = str(error).strip().splitlines()[0]
        raise MetricUnavailable(f"{type(model).__name__} cannot be trained on this table: {reason}") from error


def fit_predict(
    train: Arrays,
    test: Arrays,
    target: str,
    task: str,
    model,
    seed: int,
    *,
    threads: int = 1,
    validation: Arrays | None = None,
) -> dict:
    """Fit on one table, predict another: the true and predicted target, and (n, K) probabilities with their classes."""
    x_train, y_train = split_target(train, target)
    x_test, y_test = split_target(test, target)
    if x_train.shape[1] == 0:
        raise MetricUnavailable("the table has no column besides the target")
    if len(y_train) == 0 or len(y_test) == 0:
        raise MetricUnavailable(f"every value of the target {target!r} is missing")
    if len(np.unique(y_train)) < 2:
        raise MetricUnavailable(f"the training target {target!r} has a single value")
    if isinstance(model, BaseEstimator):
        fitted = clone(model)
        if "random_state" in fitted.get_params():
            fitted.set_params(random_state=seed)
        fitted = fit(fitted, x_train, y_train)
    else:
        features = [name for name in train.cat_names if name != target]
        watched = {}
        if validation is not None:
            watched = {"eval_set": split_target(validation, target)}
        elif model is not None and "early_stopping_rounds" in model:
            rows = np.random.default_rng([seed, 19]).permutation(len(y_test))
            kept, rows = np.split(rows, [int(VALIDATION_SHARE * len(rows))])
            watched = {"eval_set": (x_test.iloc[kept], y_test[kept])}
            x_test, y_test = x_test.iloc[rows], y_test[rows]
        untrained = catboost_model(task, model, seed, threads)
        fitted = fit(untrained, x_train, y_train, cat_features=features, **watched)
    result = {"task": task, "y": y_test, "predicted": np.asarray(fitted.predict(x_test)).reshape(len(y_test), -1)[:, 0]}
    if task == "classification" and hasattr(fitted, "predict_proba"):
        result |= {"classes": np.asarray(fitted.classes_), "probability": fitted.predict_proba(x_test)}
    return result


def classification_scores(y: np.ndarray, predicted: np.ndarray, probability=None, classes=None) -> dict:
    """Macro-F1, accuracy, ROC-AUC (one against the rest, macro) and log loss; (n,), (n,), (n, K), (K,)."""
    scores = {
        "macro_f1": float(f1_score(y, predicted, average="macro", zero_division=0)),
        "accuracy": float(accuracy_score(y, predicted)),
    }
    if probability is None:
        reason = MetricUnavailable("the model has no predict_proba")
        return scores | {"roc_auc": reason, "log_loss": reason}
    present = np.unique(y)
    if len(present) < 2:
        scores["roc_auc"] = MetricUnavailable("the held-out target has a single class")
    else:  # a class the model never met has probability 0
        columns = {c: probability[:, k] for k, c in enumerate(classes)}
        asked = present[1:] if len(present) == 2 else present
        aucs = [roc_auc_score(y == c, columns.get(c, np.zeros(len(y)))) for c in asked]
        scores["roc_auc"] = float(np.mean(aucs))
    labels = np.union1d(present, classes)
    full = np.zeros((len(y), len(labels)))
    full[:, np.searchsorted(labels, classes)] = probability
    full = np.clip(full, 1e-7, 1.0)
    scores["log_loss"] = (
        float(log_loss(y, full / full.sum(axis=1, keepdims=True), labels=labels))
        if len(labels) > 1
        else MetricUnavailable("there is a single class")
    )
    return scores


def regression_scores(y: np.ndarray, predicted: np.ndarray) -> dict:
    """R2 and RMSE."""
    if len(y) < 2 or y.min() == y.max():
        r2 = MetricUnavailable("the held-out target is constant")
    else:
        r2 = float(r2_score(y, predicted))
    return {"r2": r2, "rmse": float(root_mean_squared_error(y, predicted))}


def efficacy_scores(result: dict, rows: np.ndarray | slice = slice(None)) -> dict[str, float | MetricUnavailable]:
    """Scores of a `fit_predict` result, on some of its rows."""
    picked = {key: value if key == "classes" else value[rows] for key, value in result.items() if key != "task"}
    if result["task"] == "classification":
        return classification_scores(**picked)
    return regression_scores(**picked)


def ml_efficiency(
    train: pd.DataFrame,
    test: pd.DataFrame,
    target: str,
    *,
    validation: pd.DataFrame | None = None,
    task: Task = "auto",
    model: dict | BaseEstimator | None = None,
    n_seeds: int = 1,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> dict[str, float]:
    """Train a model on one table and score it on another; ``train`` synthetic and ``test`` held-out real gives TSTR.

    Rows with a missing target are left out. Columns are read with the dtypes of ``test``, the real table.

    Parameters
    ----------
    train, test : DataFrame of shape (n, p) and (m, p)
    target : str
    validation : DataFrame or None, default=None
        Rows that watch the training of a CatBoost model, for early stopping.
    task : {"auto", "classification", "regression"}, default="auto"
        "auto": text, categories, booleans and integers with at most 10 values are classes.
    model : dict, estimator or None, default=None
        CatBoost settings (None: 300 trees of depth 6, learning rate 0.1; `published_settings` has those of TabDDPM's
        tables), or any scikit-learn estimator, which sees categorical columns as integer codes. With
        ``early_stopping_rounds`` and no ``validation``, a quarter of ``test`` watches and the rest is scored.
    n_seeds : int, default=1
        Models trained, with random_state, random_state + 1, ...; the scores are averaged.
    random_state : int, default=0
    n_jobs : int or None, default=None
        Threads of CatBoost; None takes one for a small table and all cores for a larger one.

    Returns
    -------
    dict of str to float
        macro_f1, accuracy, roc_auc and log_loss, or r2 and rmse; NaN where a score does not exist.

    Raises
    ------
    MetricUnavailable
        If the target of ``train`` has a single value, or all its values are missing.
    """
    scores = mean_scores(
        ml_efficiency_runs(
            train,
            test,
            target,
            validation=validation,
            task=task,
            model=model,
            seeds=range(random_state, random_state + n_seeds),
            n_jobs=n_jobs,
        )
    )
    return {name: float("nan") if isinstance(value, MetricUnavailable) else value for name, value in scores.items()}


def ml_efficiency_runs(
    train: pd.DataFrame,
    test: pd.DataFrame,
    target: str,
    *,
    validation: pd.DataFrame | None,
    task: Task,
    model: dict | BaseEstimator | None,
    seeds: Iterable[int],
    n_jobs: int | None = None,
) -> list[dict[str, float | MetricUnavailable]]:
    """Scores of every model; `ml_efficiency` averages them."""
    task, reader = reader_for(test, target, task)
    tables = reader.read(train, "train"), reader.read(test, "test")
    watching = None if validation is None else reader.read(validation, "validation")
    more = {"threads": n_threads(n_jobs, len(tables[0]) * len(tables[0].names)), "validation": watching}
    return [efficacy_scores(fit_predict(*tables, str(target), task, model, seed, **more)) for seed in seeds]


def reader_for(real: pd.DataFrame, target: str, task: str) -> tuple[str, TableReader]:
    """Return the task and a reader that takes the target as categorical if it is a class."""
    real = as_frame(real, "the real table")
    if target not in real.columns:
        raise SchemaError(f"target must be one of the columns {list(real.columns)}. Got {target!r} instead.")
    task = infer_task(real[target], task)
    return task, TableReader(real, categorical=[target] if task == "classification" else [])


def mean_scores(scores: list[dict]) -> dict[str, float | MetricUnavailable]:
    """Average dictionaries of scores; one that is unavailable anywhere stays unavailable."""
    result = {}
    for name in scores[0]:
        values = [score[name] for score in scores]
        absent = [value for value in values if isinstance(value, MetricUnavailable)]
        result[name] = absent[0] if absent else float(np.mean(values))
    return result


@dataclass(frozen=True)
class Efficacy(Metric):
    """Train on synthetic, test on held-out real rows; the ceiling trains on as many real rows.

    The floor knows the shares of the target, or its mean, and nothing else: what independent columns leave to learn.

    Parameters
    ----------
    model : dict, estimator or None, default=None
        See `ml_efficiency`.
    n_seeds : int, default=1
        Models per table, averaged.
    n_resamples : int, default=50
        Bootstrap resamples of the held-out rows for the interval, value +- 1.96 standard errors.
    """

    model: dict | BaseEstimator | None = None
    imports: ClassVar[tuple[str, ...]] = ("catboost",)
    n_seeds: int = 1
    n_resamples: int = 50
    name: ClassVar[str] = "efficacy"
    group: ClassVar[str] = "Usefulness"
    directions: ClassVar[dict] = {
        "macro_f1": "higher",
        "accuracy": "higher",
        "roc_auc": "higher",
        "log_loss": "lower",
        "r2": "higher",
        "rmse": "lower",
    }

    def scores(self, task: str | None) -> dict:
        """Scores of the task; those of a classification if there is none."""
        names = REGRESSION_SCORES if task == "regression" else CLASSIFICATION_SCORES
        return {name: self.directions[name] for name in names}

    def measure_floor(self, case: Case) -> Measurement:
        """Measure the model that knows the target alone."""
        return replace(self, model=ignorant(case.task), n_seeds=1).measure(case)

    def measure(self, case: Case) -> Measurement:
        """Measure a model that was trained on the candidate."""
        target, task = case.need_target()
        test = case.need_holdout()
        seeds = range(case.seed, case.seed + self.n_seeds)
        results = [fit_predict(case.candidate, test, target, task, self.model, seed) for seed in seeds]
        values = mean_scores([efficacy_scores(result) for result in results])
        n = len(results[0]["y"])
        draws = []
        for b in range(self.n_resamples if case.intervals else 0):
            rows = case.rng(6, b).integers(n, size=n)
            draws.append(mean_scores([efficacy_scores(result, rows) for result in results]))
        intervals = {}
        for name, value in values.items():
            numbers = [draw[name] for draw in draws if not isinstance(draw[name], MetricUnavailable)]
            if not isinstance(value, MetricUnavailable) and len(numbers) > 1:
                half = 1.96 * float(np.std(numbers, ddof=1))
                best = {"lower": (0.0, np.inf), "higher": (-np.inf, 1.0)}[self.directions[name]]
                intervals[name] = (max(value - half, best[0]), min(value + half, best[1]))
        return Measurement(values, intervals, "bootstrap of the held-out rows")
