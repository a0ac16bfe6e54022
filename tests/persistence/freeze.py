"""Make the frozen folder that every later release must load: ``python -m tests.persistence.freeze``.

Run it once per format and never again: what it made is the promise. The rows beside it are what this version draws from
it; where a change of a sampler or a random stream draws others on purpose, ``python -m tests.persistence.freeze rows``
records them anew and leaves the folders as they are.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.persistence.folder import FORMAT
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.table import Inequality

FROZEN = Path(__file__).parent / "frozen"
ROWS = "rows.parquet"
N_ROWS, SEED = 40, 7


def table(n: int = 120) -> pd.DataFrame:
    """Numbers, integers, categories, dates, gaps and booleans, and some dependence between them."""
    rng = np.random.default_rng(2026)
    age = rng.integers(18, 90, n)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D")
    return pd.DataFrame(
        {
            "age": age,
            "income": np.round(np.exp(rng.normal(3 + age / 60, 0.5)), 2),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(age / 30, 1.0)),
            "gain": np.where(rng.random(n) < 0.7, 0.0, np.round(rng.gamma(2.0, 100.0, n))),
            "visits": pd.array(rng.poisson(2, n), dtype="Int64"),
            "member": rng.random(n) < age / 100,
            "city": pd.Series(rng.choice(["Oslo", "Rome", "Lima", None], n, p=[0.5, 0.3, 0.1, 0.1]), dtype="str"),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n), categories=["S", "M", "L", "XL"], ordered=True),
            "start": start,
            "end": start + pd.to_timedelta(rng.integers(0, 30, n), unit="D"),
            "born": (pd.Timestamp("2024-01-01") - pd.to_timedelta(age * 365, unit="D")).date,
            "key": [f"k{i:04}" for i in range(n)],
        }
    )


def main() -> None:
    """Fit, save and draw."""
    synth = TabularDiffusionSynthesizer(
        MLPBackbone(d_block=24, n_blocks=1, d_time=16, n_frequencies=3),
        sampler=DPMSolverSampler(12),
        types={"key": "key"},
        constraints=[Inequality("start", "end")],
        max_epochs=150,
        random_state=0,
        device="cpu",
        precision="float32",
    ).fit(table())
    folder = FROZEN / f"format_{FORMAT}"
    synth.save_pretrained(folder)
    record_rows(folder)


def record_rows(folder: Path) -> None:
    """Draw from a frozen folder."""
    synth = TabularDiffusionSynthesizer.from_pretrained(folder, device="cpu")
    synth.sample(N_ROWS, random_state=SEED).to_parquet(folder / ROWS)


if __name__ == "__main__":
    if sys.argv[1:] == ["rows"]:
        for frozen in sorted(path for path in FROZEN.iterdir() if path.is_dir()):
            record_rows(frozen)
    else:
        main()
