"""How long 10,000 rows take, on one thread and on all: wall-clock seconds, so leave the machine to it.

    python tests/benchmark/drawing_speed.py DATA [TABLES] [MAX_TIME]

Fits the default for ``MAX_TIME`` (60 processor seconds), then draws, corrected as always and without the correction;
the best of three. Goal: 10,000 rows of adult in less than 2 s on two cores.
"""

from __future__ import annotations

import sys
import timeit
from functools import partial

import pandas as pd
import torch

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.compute import available_threads
from tabdiff_lora.datasets import load_dataset

N_DRAWN = 10_000


def wall_seconds(call, n_threads: int, n_tries: int = 3) -> float:
    """Seconds of the fastest of some calls with so many threads."""
    torch.set_num_threads(n_threads)
    return min(timeit.repeat(call, number=1, repeat=n_tries))


def measure(data: str, table: str, max_time: str) -> list[dict]:
    """Fit one table, and time its draws."""
    synth = TabularDiffusionSynthesizer(max_time=max_time, random_state=0).fit(load_dataset(table, data).train)
    draw, rows = partial(synth.sample, N_DRAWN, random_state=0), []
    for correction in ("auto", False):
        synth.set_params(correction=correction)
        seconds = {f"s, {n} threads": round(wall_seconds(draw, n), 2) for n in (1, available_threads())}
        rows.append({"table": table, "correction": correction, "steps": synth.n_iter_, **seconds})
    return rows


def main(data: str, tables: str = "adult", max_time: str = "60cpu-s") -> pd.DataFrame:
    """Measure all tables."""
    return pd.DataFrame([row for table in tables.split(",") for row in measure(data, table, max_time)])


if __name__ == "__main__":
    print(main(*sys.argv[1:]).to_string(index=False))
