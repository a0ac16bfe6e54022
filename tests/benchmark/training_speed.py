"""How near training and sampling come to what this machine can multiply.

    python tests/benchmark/training_speed.py DATA [TABLES]

Records the matrix products of training steps and of a draw, times those very products (same shapes, strides and
precision) on their own, and sets what the rest of the work adds against them. Appends one line per table and task to
training_speed.csv beside this file: rows per processor second, rows per second if there were nothing but the products
("limit"), and the share of the time that the products take. Processor time on one thread, so a busy machine does not
distort it. Goals at the default size: half of a training step at the limit, and 10,000 rows of adult in 4 CPU-seconds.
"""

from __future__ import annotations

import platform
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.datasets import load_dataset

PRODUCTS = {
    torch.ops.aten.mm.default: torch.mm,
    torch.ops.aten.addmm.default: torch.addmm,
    torch.ops.aten.bmm.default: torch.bmm,
    torch.ops.aten.linear.default: torch.nn.functional.linear,  # whole only without gradients
    torch.ops.aten.matmul.default: torch.matmul,
}
STEPS = 10, 90  # of a short and of a longer fit; what they differ by is training alone
BATCH = 1024
N_DRAWN = 10_000


class Products(TorchDispatchMode):
    """Counts the matrix products inside, by everything that decides what they cost."""

    def __init__(self):
        super().__init__()
        self.counts: Counter = Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in PRODUCTS:
            self.counts[function, tuple((x.shape, x.stride(), x.dtype) for x in args)] += 1
        return function(*args, **(kwargs or {}))

    def seconds(self) -> float:
        """Processor seconds of all the products counted, each at its best of some tries."""
        return sum(count * best_time(*product) for product, count in self.counts.items())


def extent(shape, stride) -> int:
    """Numbers that a tensor with this shape and these strides reaches over."""
    return 1 + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))


def best_time(function, operands, n_tries: int = 15) -> float:
    """Processor seconds of one product of random numbers."""
    tensors = [
        torch.randn(extent(shape, stride)).to(dtype).as_strided(shape, stride) for shape, stride, dtype in operands
    ]
    return min(processor_seconds(partial(PRODUCTS[function], *tensors)) for _ in range(n_tries))


def processor_seconds(call) -> float:
    """Processor seconds of one call."""
    started = time.process_time()
    call()
    return time.process_time() - started


def fit(frame: pd.DataFrame, n_steps: int) -> TabularDiffusionSynthesizer:
    """Fit for so many steps, without held-out rows."""
    synth = TabularDiffusionSynthesizer(validation_fraction=0.0, random_state=0, batch_size=BATCH, correction=False)
    return synth.set_params(max_steps=n_steps).fit(frame)


def measure(data: str, table: str) -> list[dict]:
    """Time training and sampling of one table."""
    frame = load_dataset(table, data).train
    short, long = (partial(fit, frame, n_steps) for n_steps in STEPS)
    difference = STEPS[1] - STEPS[0]
    synth = short()
    spent = min(processor_seconds(long) for _ in range(3)) - min(processor_seconds(short) for _ in range(3))
    with Products() as products:
        long()
    with Products() as before:
        short()
    products.counts.subtract(before.counts)
    rows = [describe(table, "training", BATCH * difference, spent, products)]
    draw = partial(synth.sample, N_DRAWN, random_state=0)
    draw()
    with Products() as products:
        draw()
    return [*rows, describe(table, "sampling", N_DRAWN, min(processor_seconds(draw) for _ in range(2)), products)]


def describe(table: str, task: str, n_rows: int, spent: float, products: Products) -> dict:
    """One line of the results."""
    limit = products.seconds()
    return {
        "table": table,
        "task": task,
        "rows per CPU-s": round(n_rows / spent),
        "limit": round(n_rows / limit),
        "share of products": round(limit / spent, 2),
        "CPU-s": round(spent, 2),
    }


def main(data: str, tables: str = "adult,california") -> pd.DataFrame:
    """Measure all tables on one thread and append to the csv."""
    torch.set_num_threads(1)
    runs = [run for table in tables.split(",") for run in measure(data, table)]
    machine = platform.processor() or platform.machine()
    results = pd.DataFrame(runs).assign(machine=machine, torch=torch.__version__)
    path = Path(__file__).with_suffix(".csv")
    results.to_csv(path, mode="a", header=not path.exists(), index=False)
    return results


if __name__ == "__main__":
    print(main(*sys.argv[1:]).to_string(index=False))
