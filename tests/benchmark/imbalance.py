"""A rare class made less rare: python tests/benchmark/imbalance.py FOLDER [CPU SECONDS] [SEEDS].

On wilt (5 % diseased trees) and on churn2 with its churners thinned out to 5 %, gradient boosting learns from the
training rows as they are, with class weights, and after over-sampling to equal classes: repeated rows, SMOTE-NC (SMOTE
where there are numbers only) and synthetic rows. Scores on held-out rows with all their churners; each seed thins the
rows, fits the synthesizer and draws afresh.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTENC, RandomOverSampler
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from tabdiff_lora import SyntheticOverSampler, TabularDiffusionSynthesizer
from tabdiff_lora.datasets import Dataset, load_dataset

SHARE = 0.05
TABLES = {"wilt": "diseased trees", "churn2": "yes"}


def thinned(rows: pd.DataFrame, target: str, rare: str, rng: np.random.Generator) -> pd.DataFrame:
    """Rows of which at most 5 % are of the rare class."""
    is_rare = (rows[target] == rare).to_numpy()
    n_kept = min(is_rare.sum(), round(SHARE / (1 - SHARE) * (~is_rare).sum()))
    kept = rng.choice(np.flatnonzero(is_rare), n_kept, replace=False)
    return rows.iloc[np.sort(np.concatenate([np.flatnonzero(~is_rare), kept]))].reset_index(drop=True)


def samplers(categorical: list[str], cpu_seconds: str, seed: int) -> dict:
    """Over-samplers by name."""
    smote = SMOTENC(categorical, random_state=seed) if categorical else SMOTE(random_state=seed)
    synth = TabularDiffusionSynthesizer(max_time=f"{cpu_seconds}cpu-s")
    return {
        "rows as they are": None,
        "class weights": None,
        "random over-sampling": RandomOverSampler(random_state=seed),
        "SMOTE-NC": smote,
        "synthetic rows": SyntheticOverSampler(synth, random_state=seed),
    }


def measure(dataset: Dataset, rare: str, cpu_seconds: str, seed: int) -> list[dict]:
    """One line per treatment."""
    target, lines = dataset.target, []
    train, test = thinned(dataset.train, target, rare, np.random.default_rng(seed)), dataset.held_out
    X, y, truth = train.drop(columns=target), train[target], test[target] == rare
    for name, sampler in samplers(list(dataset.categorical), cpu_seconds, seed).items():
        more, labels = (X, y) if sampler is None else sampler.fit_resample(X, y)
        model = make_pipeline(
            make_column_transformer(
                (OrdinalEncoder(), list(dataset.categorical)),
                ("passthrough", make_column_selector(dtype_include="number")),
            ),
            HistGradientBoostingClassifier(
                categorical_features=list(range(len(dataset.categorical))),
                class_weight="balanced" if name == "class weights" else None,
                early_stopping=False,
                random_state=seed,
            ),
        ).fit(more, labels == rare)
        chance = model.predict_proba(test.drop(columns=target))[:, 1]
        scores = {
            "average_precision": average_precision_score(truth, chance),
            "roc_auc": roc_auc_score(truth, chance),
            "macro_f1": f1_score(truth, chance > 0.5, average="macro"),
            "balanced_accuracy": balanced_accuracy_score(truth, chance > 0.5),
        }
        lines.append({"table": dataset.name, "training rows": name, "seed": seed, "n": len(more)} | scores)
        print(lines[-1], file=sys.stderr, flush=True)
    return lines


def main(data: str, cpu_seconds: str = "60", seeds: str = "0,1,2") -> pd.DataFrame:
    """Measure all tables and seeds; mean and standard deviation over seeds."""
    lines = [
        line
        for name, rare in TABLES.items()
        for seed in map(int, seeds.split(","))
        for line in measure(load_dataset(name, data), rare, cpu_seconds, seed)
    ]
    scores = pd.DataFrame(lines).drop(columns="seed").groupby(["table", "training rows"], sort=False)
    return scores.agg(["mean", "std"]).drop(columns=[("n", "std")]).reset_index()


if __name__ == "__main__":
    print(main(*sys.argv[1:]).round(3).to_string(index=False))
