"""What training on known columns costs whole rows.

python tests/benchmark/known_rows.py FOLDER [CPU SECONDS] [TABLES] [SEEDS] [SHARES], the last three comma-separated.

Fits each table with several shares of rows that show some of their columns while they are trained on, in equal
processor time, and appends one line per fit to known_rows.csv beside this file: the share of its prior's loss that the
network took off held-out rows (the higher the better; one seed tells), two-sample AUC and shape error.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff_lora.benchmark.ablation import PlannedSynthesizer
from tabdiff_lora.datasets import load_dataset
from tabdiff_lora.evaluation import detection_auc, shape_error


def measure(data: str, table: str, share: float, cpu_seconds: float, seed: int) -> dict:
    """Fit once and judge whole rows."""
    dataset = load_dataset(table, data)
    synth = PlannedSynthesizer(max_time=f"{cpu_seconds}cpu-s", random_state=seed)
    synth.plan_changes = {"known_rows": share}
    synth.fit(dataset.train)
    losses = synth.history_["validation_loss"].to_numpy()
    held_out = dataset.held_out
    drawn = synth.sample(min(len(held_out), 10_000), random_state=seed)
    return {
        "table": table,
        "known_rows": share,
        "seed": seed,
        "steps": synth.n_iter_,
        "gain": 1 - np.nanmin(losses) / losses[0],
        "auc": detection_auc(held_out, drawn, max_rows=10_000, random_state=seed),
        "shape_error": shape_error(held_out, drawn),
    }


def main(
    data: str, cpu_seconds: str = "90", tables: str = "adult,california", seeds: str = "0,1", shares: str = "0,0.1"
) -> pd.DataFrame:
    """Measure all tables, seeds and shares."""
    path, runs = Path(__file__).with_suffix(".csv"), []
    for table in tables.split(","):
        for seed in map(int, seeds.split(",")):
            for share in map(float, shares.split(",")):
                runs.append(measure(data, table, share, float(cpu_seconds), seed) | {"cpu_seconds": cpu_seconds})
                pd.DataFrame(runs[-1:]).to_csv(path, mode="a", header=not path.exists(), index=False)
    return pd.DataFrame(runs)


if __name__ == "__main__":
    print(main(*sys.argv[1:]).to_string(index=False))
