"""How long and how much memory the table room takes: python tests/benchmark/table_speed.py [n_rows].

Writes one line per table to table_speed.csv beside this file and shows it. Goals on 2 cores, for 1,000,000 rows and
20 columns: encode in 10 s, decode in 20 s, memory under 4 times the frame. 1,000 columns and 10,000 levels work.
"""

from __future__ import annotations

import platform
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tabdiff_lora.table import TableEncoder


def mixed(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Twenty columns of all common kinds."""
    columns = {f"normal {i}": rng.normal(size=n) for i in range(6)}
    columns |= {f"price {i}": np.round(rng.gamma(2, 100, n), 2) for i in range(3)}
    columns |= {f"count {i}": rng.integers(0, 1000, n) for i in range(3)}
    columns |= {f"gain {i}": np.where(rng.random(n) < 0.7, 0, rng.gamma(2, 100, n)) for i in range(2)}
    columns |= {f"label {i}": rng.choice(["alpha", "beta", "gamma", "delta"], n) for i in range(3)}
    columns["city"] = np.char.add("city ", rng.integers(0, 10_000, n).astype(str))
    columns["flag"] = rng.random(n) < 0.4
    columns["time"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 10**8, n), unit="s")
    return pd.DataFrame(columns)


def wide(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """A thousand columns, half of them labels."""
    numbers = {f"x{i}": rng.normal(size=n) for i in range(500)}
    return pd.DataFrame(numbers | {f"c{i}": rng.choice(list("abc"), n) for i in range(500)})


def measure(name: str, table: pd.DataFrame) -> dict:
    """Return seconds per stage and the growth of memory in frames."""
    size, before = table.memory_usage(deep=True).sum(), _peak_memory()
    seconds = {}
    clock = time.perf_counter()
    encoder = TableEncoder().fit(table)
    seconds["fit"] = time.perf_counter() - clock
    clock = time.perf_counter()
    encoded = encoder.encode(table)
    seconds["encode"] = time.perf_counter() - clock
    num = encoded.draw(np.random.default_rng(0))
    clock = time.perf_counter()
    encoder.decode(num, encoded.cat)
    seconds["decode"] = time.perf_counter() - clock
    growth = (_peak_memory() - before) / size
    return {"table": name, "rows": len(table), "columns": table.shape[1], **seconds, "frames of memory": growth}


def _peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(n_rows: int = 1_000_000) -> pd.DataFrame:
    """Measure both tables and append to the csv."""
    rng = np.random.default_rng(0)
    runs = [measure("mixed", mixed(n_rows, rng)), measure("wide", wide(max(n_rows // 100, 1), rng))]
    results = pd.DataFrame(runs).assign(machine=platform.processor() or platform.machine(), pandas=pd.__version__)
    path = Path(__file__).with_suffix(".csv")
    results.to_csv(path, mode="a", header=not path.exists(), index=False)
    return results


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])).to_string(index=False))
