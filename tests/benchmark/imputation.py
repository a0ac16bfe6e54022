"""Gaps of a table, filled: python tests/benchmark/imputation.py FOLDER [CPU SECONDS] [SEEDS] [TABLE].

Removes 30 % of all cells of the training part, completely at random (mcar) and the more often the larger the value is
(mnar: with probability 0.6 times its rank), fits each imputer to what is left and lets it fill the gaps of the same
table. The filled cells are compared with the removed ones:

- wasserstein, total_variation: distance between the law of the filled and of the removed cells, mean over the numerical
  columns (in standard deviations) and over the others;
- shape_error: the mean of Kolmogorov-Smirnov and total-variation distance over all columns;
- trend_error: how far the dependence between two columns of the whole filled table is off, mean over pairs;
- rmse (in standard deviations) and accuracy of single cells.

The rivals see numbers standardised and other columns one-hot; the largest of the one-hot columns is the level. The
synthesizer appears twice: one draw, and mean or mode of five draws (its processor seconds are those
of the fit and of all five).
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  (makes IterativeImputer importable)
from sklearn.impute import IterativeImputer, KNNImputer

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.datasets import load_dataset
from tabdiff_lora.evaluation import Margins, evaluate, trend_error

SHARE, N_DRAWS = 0.3, 5
RIVALS = {
    "IterativeImputer": lambda seed: IterativeImputer(random_state=seed),
    "IterativeImputer, posterior draws": lambda seed: IterativeImputer(sample_posterior=True, random_state=seed),
    "KNNImputer": lambda seed: KNNImputer(),
}


def with_gaps(table: pd.DataFrame, mechanism: str, seed: int) -> pd.DataFrame:
    """The table without 30 % of its cells."""
    chance = SHARE if mechanism == "mcar" else 2 * SHARE * table.rank(pct=True)
    return table.mask(np.random.default_rng(seed).random(table.shape) < chance)


def filled_by(imputer, gaps: pd.DataFrame) -> pd.DataFrame:
    """The table as an imputer of numbers fills it."""
    numbers = gaps.select_dtypes("number")
    scale, centre = numbers.std(), numbers.mean()
    blocks = {name: pd.get_dummies(gaps[name], dtype=float) for name in gaps.columns.difference(numbers.columns)}
    for name, block in blocks.items():
        block[gaps[name].isna()] = np.nan
    wide = np.hstack([(numbers - centre) / scale, *blocks.values()])
    done = imputer.fit_transform(wide)
    filled, start = gaps.copy(), numbers.shape[1]
    filled[numbers.columns] = done[:, :start] * scale.to_numpy() + centre.to_numpy()
    for name, block in blocks.items():
        levels = block.columns.to_numpy()[done[:, start : start + block.shape[1]].argmax(axis=1)]
        filled[name] = gaps[name].where(gaps[name].notna(), pd.Series(levels, gaps.index))
        start += block.shape[1]
    return filled


def combined(draws: list[pd.DataFrame]) -> pd.DataFrame:
    """Mean of the draws of a number, mode of those of a level."""
    stacked = pd.concat(draws).groupby(level=0)
    numbers = draws[0].select_dtypes("number").columns
    rest = draws[0].columns.difference(numbers)
    return pd.concat([stacked[numbers].mean(), stacked[rest].agg(lambda x: x.mode().iloc[0])], axis=1)[draws[0].columns]


def judge(table: pd.DataFrame, gaps: pd.DataFrame, filled: pd.DataFrame) -> dict:
    """Distances between filled and removed cells."""
    is_gap, rows = gaps.isna(), []
    for name in table:
        true, guess = table[name][is_gap[name]], filled[name][is_gap[name]]
        margins = evaluate(true.to_frame(), guess.to_frame(), metrics=[Margins()], n_jobs=1)
        row = {"shape_error": margins["shape_error"].value}
        if pd.api.types.is_numeric_dtype(table[name]):
            error = np.sqrt(((true - guess) ** 2).mean()) / table[name].std()
            rows.append(row | {"wasserstein": margins["wasserstein"].value, "rmse": error})
        else:
            rows.append(row | {"total_variation": row["shape_error"], "accuracy": (true == guess).mean()})
    means = pd.DataFrame(rows).mean()
    return {**means, "trend_error": trend_error(table, filled)}


def measure(table: pd.DataFrame, mechanism: str, cpu_seconds: str, seed: int) -> list[dict]:
    """One line per imputer."""
    gaps, lines = with_gaps(table, mechanism, seed), []

    def note(name: str, started: float, filled: pd.DataFrame) -> None:
        spent = time.process_time() - started
        what = {"mechanism": mechanism, "imputer": name, "seed": seed, "cpu_seconds": spent}
        lines.append(what | judge(table, gaps, filled))
        print(lines[-1], file=sys.stderr, flush=True)

    started = time.process_time()
    synth = TabularDiffusionSynthesizer(max_time=f"{cpu_seconds}cpu-s", random_state=seed).fit(gaps)
    draws = synth.impute(gaps, n_draws=N_DRAWS, random_state=seed)
    note("synthesizer, one draw", started, draws[0])
    note("synthesizer, mean of five", started, combined(draws))
    for name, make in RIVALS.items():
        started = time.process_time()
        note(name, started, filled_by(make(seed), gaps))
    return lines


def main(data: str, cpu_seconds: str = "90", seeds: str = "0", name: str = "churn2") -> pd.DataFrame:
    """Measure all mechanisms and seeds; means over seeds."""
    table = load_dataset(name, data).train
    lines = [
        line
        for mechanism in ("mcar", "mnar")
        for seed in map(int, seeds.split(","))
        for line in measure(table, mechanism, cpu_seconds, seed)
    ]
    return pd.DataFrame(lines).groupby(["mechanism", "imputer"], sort=False).mean().drop(columns="seed").reset_index()


if __name__ == "__main__":
    print(main(*sys.argv[1:]).round(4).to_string(index=False))
