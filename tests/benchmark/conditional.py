"""How near conditional margins of adult are: python tests/benchmark/conditional.py FOLDER [CPU SECONDS] [SEEDS].

Fits adult, draws rows with income above 50K, and rows with the education and the sex of the held-out ones, and
measures how far their margins lie from those of held-out rows that are alike: Kolmogorov-Smirnov or total variation,
over that between two random halves of the same held-out rows, equally many rows on each side. Half of the drawn rows
is held against half of the real ones; means over 50 halvings. 1 is perfect.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.datasets import load_dataset
from tabdiff_lora.evaluation import shape_error

N_HALVINGS, MIN_ROWS = 50, 200


def ratio(real: pd.DataFrame, drawn: pd.DataFrame, rng: np.random.Generator) -> dict:
    """Mean shape error of drawn and of real rows against real ones, and the ratio of the two."""
    half, to_drawn, to_real = len(real) // 2, [], []
    for _ in range(N_HALVINGS):
        order = rng.permutation(len(real))
        first, second = real.iloc[order[:half]], real.iloc[order[half : 2 * half]]
        to_real.append(shape_error(first, second))
        to_drawn.append(shape_error(first, drawn.iloc[rng.permutation(len(drawn))[:half]]))
    return {
        "rows": len(real),
        "drawn": np.mean(to_drawn),
        "real": np.mean(to_real),
        "ratio": np.mean(to_drawn) / np.mean(to_real),
    }


def given_income(synth: TabularDiffusionSynthesizer, held_out: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One line per column but the income."""
    rng, real = np.random.default_rng(seed), held_out[held_out["income"] == ">50K"].drop(columns="income")
    drawn = synth.sample(len(real), conditions={"income": ">50K"}, random_state=seed)
    lines = [{"margin": name} | ratio(real[[name]], drawn[[name]], rng) for name in real]
    return pd.DataFrame(lines).assign(given="income >50K")


def given_education_and_sex(synth: TabularDiffusionSynthesizer, held_out: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One line per pair of education and sex with enough held-out rows: the margin of age."""
    rng, names = np.random.default_rng(seed), ["education", "sex"]
    drawn = synth.sample(conditions=held_out[names], random_state=seed)
    groups, ages = drawn.groupby(names), []
    for key, real in held_out.groupby(names):
        if len(real) >= MIN_ROWS:
            ages.append({"margin": ", ".join(key)} | ratio(real[["age"]], groups.get_group(key)[["age"]], rng))
    return pd.DataFrame(ages).assign(given="education, sex")


def main(data: str, cpu_seconds: str = "90", seeds: str = "0") -> pd.DataFrame:
    """Measure all seeds; the mean over margins comes last, as the ratio of the mean distances."""
    dataset, tables = load_dataset("adult", data), []
    for seed in map(int, seeds.split(",")):
        synth = TabularDiffusionSynthesizer(max_time=f"{cpu_seconds}cpu-s", random_state=seed).fit(dataset.train)
        for measure in (given_income, given_education_and_sex):
            table = measure(synth, dataset.held_out, seed)
            means = table[["drawn", "real"]].mean()
            table.loc[len(table)] = {"margin": "mean", **means, "ratio": means["drawn"] / means["real"]}
            tables.append(table.assign(given=table["given"].iloc[0], seed=seed))
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    result = main(*sys.argv[1:])
    print(result[["seed", "given", "margin", "rows", "drawn", "real", "ratio"]].round(4).to_string(index=False))
