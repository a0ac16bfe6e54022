"""The report in sentences: whether to worry, and where to look.

There is no overall grade. Every finding answers one question and is judged by one rule. Let s = (value - ceiling) /
(floor - ceiling), which is 0 for real rows and 1 for worthless ones. A score is *good* up to s = 0.1, or if it differs
from the ceiling by chance only; *poor* from s = 1/3; *fair* between. Two chapters need bounds of their own:

- single columns, where the floor is as good as the ceiling: good up to 1.5 times the ceiling, poor from 3 times;
- privacy, where a tenth of the way to the floor is a disaster: good only if chance explains the difference, poor if it
  exceeds 0.05.

Chance is sqrt(2) times the half-interval of the value, as the ceiling is an estimate too, from about as many rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pandas as pd

from tabdiff_lora.evaluation.score import Score

if TYPE_CHECKING:
    from tabdiff_lora.evaluation.report import EvaluationReport

Status = Literal["good", "fair", "poor", "open"]
WORDS: dict[Status, str] = {
    "good": "as good as real rows",
    "fair": "a little worse",
    "poor": "clearly worse",
    "open": "not judged",
}
NO_PROMISE = (
    "It does not promise anonymity: attacks that find nothing are attacks that found nothing. It does not speak of "
    "uses nobody tested, such as another target, or of rows and subgroups too rare to measure."
)
_WORST_FIRST: tuple[Status, ...] = ("poor", "fair", "good", "open")
_IMPOSSIBLE = {
    "out_of_range": "of the numbers lie outside the range of the real column",
    "off_grid": "of the numbers have more decimals than the real column",
    "unseen_categories": "of the categories are none of the real column",
    "impossible_pairs": "of the rows hold two values that never stand together",
}
_GUESS = {  # what no attack and no classifier can fall below but by luck
    "detection_auc": 0.5,
    "closer_to_training": 0.5,
    "membership_tpr": 0.01,
    "attribute_inference": 0.0,
}
MAX_TOLD = 5
_ATTACKS = {
    "memorised": "synthetic rows suspiciously near to one training row",
    "closer_to_training": "synthetic rows nearer to training than to held-out rows",
    "membership_tpr": "training rows recognised at 1 % false alarms",
    "attribute_inference": "surplus of attributes guessed right of training rows",
}


@dataclass(frozen=True)
class Finding:
    """One question, its answer in plain words, and how the answer compares with real rows.

    Attributes
    ----------
    question, text : str
    status : {"good", "fair", "poor", "open"}
        As good as real rows, a little worse, clearly worse; "open" if it could not be measured or compared.
    """

    question: str
    status: Status
    text: str


def summarise(report: EvaluationReport) -> tuple[Finding, ...]:
    """Answer the questions for which the report has scores."""
    scores = {score.name: score for score in report.scores}
    findings = []
    if misfits := report.about.get("misfits"):
        findings.append(Finding("Are the columns the right ones?", "poor", _misfits(misfits)))
    for question, names, answer in _QUESTIONS:
        asked = [scores[name] for name in names if name in scores]
        if any(score.value is not None for score in asked):
            findings.append(Finding(question, *answer(scores, report.details)))
        elif asked:
            findings.append(Finding(question, "open", f"Not measured: {asked[0].reason}."))
    return tuple(findings)


def judge(score: Score) -> Status:
    """Judge a score by the rule of its chapter."""
    if score.value is None or score.ceiling is None:
        return "open"
    ceiling = max(score.ceiling, _GUESS.get(score.name, score.ceiling))
    sign = 1 if score.direction == "lower" else -1 if score.direction == "higher" else 0
    gap = sign * (score.value - ceiling) if sign else abs(score.value - ceiling)
    reached = gap <= _chance(score, above=score.value > ceiling)
    if score.group == "Privacy":
        return "good" if reached else "poor" if gap > 0.05 else "fair"
    if score.group == "Single columns":
        return "good" if reached or gap <= 0.5 * ceiling else "poor" if gap > 2 * ceiling else "fair"
    if reached:
        return "good"
    if score.floor is None or score.floor == ceiling:
        return "open"
    s = gap / abs(score.floor - ceiling)
    return "good" if s <= 0.1 else "poor" if s >= 1 / 3 else "fair"


def _chance(score: Score, *, above: bool = True) -> float:
    """How far from the ceiling chance alone takes a value, upwards or downwards."""
    low, high = score.interval or (score.value, score.value)
    return 2**0.5 * (score.value - low if above else high - score.value)


Scores = Mapping[str, Score]
Details = Mapping[str, pd.DataFrame]


def _misfits(misfits: Sequence[str]) -> str:
    told, more = "; ".join(misfits[:MAX_TOLD]), len(misfits) - MAX_TOLD
    rest = f"; and {more} more" if more > 0 else ""
    rule = "What is absent or cannot be read counts as missing; columns too many are not judged."
    return f"{told[0].upper()}{told[1:]}{rest}. {rule}"


def _columns(scores: Scores, details: Details) -> tuple[Status, str]:
    score = scores["shape_error"]
    status = judge(score)
    text = f"On average {score.value:.1%} of a column's values lie in the wrong place{_beside(score, '{:.1%}')}."
    if status in ("fair", "poor") and "margins.columns" in details:
        text += _worst("Worst", details["margins.columns"], "shape_error", ["column"])
    return status, text


def _pairs(scores: Scores, details: Details) -> tuple[Status, str]:
    score = scores["trend_error"]
    status = _worse(judge(scores[name]) for name in ("trend_error", "mixed_difference") if name in scores)
    text = f"The joint tables of two columns are off by {score.value:.1%}{_beside(score, '{:.1%}')}."
    if status in ("fair", "poor") and "trend.pairs" in details:
        text += _worst("Worst", details["trend.pairs"], "error", ["first", "second"])
    return status, text


def _values(scores: Scores, details: Details) -> tuple[Status, str]:
    found = {name: scores[name] for name in _IMPOSSIBLE if name in scores and scores[name].value is not None}
    wrong = {name: score for name, score in found.items() if score.value > 0.0005}
    if not wrong:
        return "good", "All values are possible ones."
    told = {name: f"{score.value:.1%} {_IMPOSSIBLE[name]}{_beside(score, '{:.1%}')}" for name, score in wrong.items()}
    if "impossible_pairs" in told and "validity.pairs" in details:
        told["impossible_pairs"] += ", most often " + _first(
            details["validity.pairs"].query("rows > 0"), "rows", ["first", "second"]
        )
    sentence = "; ".join(told.values()) + "."
    known = all(score.ceiling is not None for score in wrong.values())
    if known and all(judge(score) == "good" for score in wrong.values()):
        return "good", sentence
    return "poor" if any(score.value > 0.02 for score in wrong.values()) else "fair", sentence


def _variety(scores: Scores, details: Details) -> tuple[Status, str]:
    score = scores["beta_recall"]
    status = judge(score)
    lead = "They reach the real rows as fresh real rows do"
    if status in ("fair", "poor"):
        fewer = "They reach fewer of the real rows than fresh ones do"
        lead = fewer if score.value < score.ceiling else "They lie nearer to the real rows than fresh ones do"
    return status, f"{lead if status != 'open' else 'Beta-recall'}: {score.value:.2f}{_beside(score, '{:.2f}')}."


def _detection(scores: Scores, details: Details) -> tuple[Status, str]:
    score = scores["detection_auc"]
    status = judge(score)
    text = (
        f"Shown one real and one synthetic row, a strong classifier picks the right one in {100 * score.value:.0f} of "
        "100 cases; 50 is a guess."
    )
    if status in ("fair", "poor"):
        parts = [scores[f"detection_{part}"].value for part in ("margins", "dependence")]
        if None not in parts:
            blame = "single columns" if parts[0] > parts[1] else "the dependence between columns"
            text += f" It is {blame} that gives them away."
        if "detection.columns" in details:
            text += _worst("It looks at", details["detection.columns"], "fall", ["column"])
    return status, text


def _usefulness(name: str, label: str) -> Callable[[Scores, Details], tuple[Status, str]]:
    def answer(scores: Scores, details: Details) -> tuple[Status, str]:
        score = scores[name]
        text = f"A model trained on them reaches {label} {score.value:.3f} on real rows it has not seen"
        if score.ceiling is not None:
            text += f"; trained on real rows it reaches {score.ceiling:.3f}"
        return judge(score), text + "."

    return answer


def _copies(scores: Scores, details: Details) -> tuple[Status, str]:
    score = scores["exact_copies"]
    text = f"{score.value:.1%} of the synthetic rows equal a training row in every column"
    if score.ceiling is not None:
        text += f"; of real rows that were held out, {score.ceiling:.1%} do"
    return judge(score), text + "."


def _attacks(scores: Scores, details: Details) -> tuple[Status, str]:
    found = {name: scores[name] for name in _ATTACKS if name in scores}
    judged = {name: judge(score) for name, score in found.items() if score.value is not None}
    if set(judged.values()) == {"open"}:
        return "open", "Without rows that were held out nobody knows what anyone can tell from the population alone."
    leaks = [
        f"{_ATTACKS[name]}: {found[name].value:.1%} instead of {found[name].ceiling:.1%}"
        for name, status in judged.items()
        if status in ("fair", "poor")
    ]
    if not leaks:
        noticed = max(_chance(found[name]) for name, status in judged.items() if status == "good")
        text = "The attacks tried here learned no more about training rows than about others. With so many rows they "
        return _worse(judged.values()), text + f"notice surpluses from about {noticed:.1%}."
    return _worse(judged.values()), "The attacks found something: " + "; ".join(leaks) + "."


_QUESTIONS = (
    ("Is each column as it should be?", ["shape_error"], _columns),
    ("Do columns depend on each other as they should?", ["trend_error"], _pairs),
    ("Are the values possible ones?", list(_IMPOSSIBLE), _values),
    ("Do the rows vary as real rows do?", ["beta_recall"], _variety),
    ("Can synthetic rows be told from real ones?", ["detection_auc"], _detection),
    ("Can a model be trained on them?", ["macro_f1"], _usefulness("macro_f1", "a macro-F1 of")),
    ("Can a model be trained on them?", ["r2"], _usefulness("r2", "an R2 of")),
    ("Are training rows repeated?", ["exact_copies"], _copies),
    ("Do they tell more about the training rows than about other rows?", list(_ATTACKS), _attacks),
)


def _beside(score: Score, form: str) -> str:
    """Write the anchors in brackets."""
    anchors = [("real rows", score.ceiling), ("shuffled columns", score.floor)]
    if score.group in ("Single columns", "Validity"):  # where shuffling does no harm
        anchors.pop()
    told = [f"{name} {form.format(value)}" for name, value in anchors if value is not None]
    return f" ({', '.join(told)})" if told else ""


def _worst(lead: str, table: pd.DataFrame, by: str, names: Sequence[str]) -> str:
    return f" {lead}: {_first(table, by, names)}."


def _first(table: pd.DataFrame, by: str, names: Sequence[str]) -> str:
    rows = table.sort_values(by, ascending=False, kind="stable").head(3)[list(names)]
    return ", ".join(" with ".join(row) for row in rows.itertuples(index=False, name=None))


def _worse(statuses) -> Status:
    found = set(statuses)
    return next(status for status in _WORST_FIRST if status in found)
