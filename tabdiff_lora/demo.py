"""The demo: a table in, a report out, in less than a minute."""

from __future__ import annotations

import logging

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from tabdiff_lora.evaluation import EvaluationReport, evaluate
from tabdiff_lora.evaluation.wording import in_columns
from tabdiff_lora.synthesizer import TabularDiffusionSynthesizer

logger = logging.getLogger(__name__)

EXAMPLE_TARGET = "progression"
HOLDOUT_SHARE = 0.25


SHORT_SCORES = {
    "detection_auc": "two-sample AUC: can a critic tell? (0.5: no)",
    "shape_error": "shape error of single columns",
    "trend_error": "trend error of pairs of columns",
    "mixed_difference": "correlation divergence",
    "macro_f1": "macro-F1 of a model trained on these rows",
    "r2": "R2 of a model trained on these rows",
}
HOW_TO_READ = (
    "How to read it: the ceiling is what real rows score in place of the synthetic ones, the floor what columns "
    "shuffled one by one score; good synthetic rows stand near the ceiling."
)


def example_table() -> pd.DataFrame:
    """Return the diabetes table of scikit-learn as it would come from a clinic: sex and progression in words.

    Returns
    -------
    DataFrame of shape (442, 11)
        Whole and decimal numbers, ``sex`` as a category and ``progression`` (thirds of the original target) as text.

    References
    ----------
    Least Angle Regression (Efron et al., 2004).
    """
    table = load_diabetes(as_frame=True, scaled=False).frame
    names = {"s1": "cholesterol", "s2": "ldl", "s3": "hdl", "s4": "cholesterol_hdl", "s5": "log_triglycerides"}
    table = table.rename(columns=names | {"s6": "glucose"})
    thirds = pd.qcut(table.pop("target"), 3, labels=["mild", "moderate", "severe"])
    whole = ["age", "cholesterol", "hdl", "glucose"]
    return table.assign(
        **{name: table[name].astype("int64") for name in whole},
        sex=table["sex"].map({1.0: "female", 2.0: "male"}).astype("category"),
        progression=thirds.astype("str"),
    )


def demonstrate(
    table: pd.DataFrame,
    *,
    target: str | None = None,
    max_time: float | str | None = None,
    random_state: int = 0,
    verbose: int = 0,
) -> tuple[pd.DataFrame, EvaluationReport]:
    """Hold a quarter of the rows out, fit the rest, draw as many rows, judge them.

    Parameters
    ----------
    table : DataFrame of shape (n, p)
    target : str or None, default=None
        Column that a model should learn to predict from the synthetic rows.
    max_time : float, str or None, default=None
        Limit of the fit, in seconds or as text such as ``"5min"``.
    random_state : int, default=0
    verbose : int, default=0
        Passed to the synthesizer.

    Returns
    -------
    synthetic : DataFrame
        As many rows as were fitted.
    report : EvaluationReport
        With ceiling (the held-out rows) and floor (independent columns).

    Raises
    ------
    ValueError
        If ``target`` is not a column or there are too few rows to hold some out.
    """
    if target is not None and target not in table.columns:
        raise ValueError(f"target must be a column of the table ({', '.join(table.columns)}). Got {target!r} instead.")
    if len(table) < 8:
        raise ValueError(f"table must have at least 8 rows, to hold a quarter of them out. Got {len(table)} instead.")
    train, holdout = train_test_split(table, test_size=HOLDOUT_SHARE, random_state=random_state)
    logger.info("%d of %d rows are held out", len(holdout), len(table))
    synthesizer = TabularDiffusionSynthesizer(max_time=max_time, random_state=random_state, verbose=verbose)
    synthesizer.fit(train)
    logger.info("drawing %d rows ...", len(train))
    synthetic = synthesizer.sample(len(train))
    logger.info("judging them ...")
    return synthetic, evaluate(train, synthetic, holdout=holdout, target=target, random_state=random_state)


def short_table(report: EvaluationReport) -> str:
    """Set the scores that matter most under each other, for a terminal.

    Parameters
    ----------
    report : EvaluationReport

    Returns
    -------
    str
        One line per score: synthetic rows, ceiling, floor.
    """
    lines = [f"{'':<46}{'synthetic':>11}{'ceiling':>11}{'floor':>11}"]
    for score in report.scores:
        if score.name in SHORT_SCORES and score.value is not None:
            lines.append(f"{SHORT_SCORES[score.name]:<46}{in_columns(score, 3)}")
    return "\n".join(lines)
