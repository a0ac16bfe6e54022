"""
Ten million rows into one file
==============================

``sample_to`` writes rows as they are drawn, so that memory does not grow with their number. This page draws fewer, to
keep it short, and says what ten million would take.
"""

import tempfile
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psutil
import pyarrow.parquet as pq

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone


class Memory(threading.Thread):
    """Note the memory of this process every tenth of a second while a block runs."""

    def __enter__(self):
        self.begin, self.readings, self.done = time.perf_counter(), [], threading.Event()
        self.start()
        return self

    def run(self):
        process = psutil.Process()
        while not self.done.wait(0.1):
            self.readings.append((time.perf_counter() - self.begin, process.memory_info().rss / 2**20))

    def __exit__(self, *_):
        self.done.set()
        self.join()


def make_table(n, seed=0):
    """Trips: a distance, a fare that follows it, a tip that is often zero, and how it was paid."""
    rng = np.random.default_rng(seed)
    distance = np.round(rng.gamma(2, 2.5, n), 1)
    payment = rng.choice(["card", "cash"], n, p=[0.7, 0.3])
    fare = np.round(3 + 1.8 * distance + rng.normal(0, 1, n).clip(-2), 2)
    tip = np.where(payment == "cash", 0.0, np.round(fare * rng.choice([0, 0.1, 0.2], n), 2))
    return pd.DataFrame({"distance": distance, "fare": fare, "tip": tip, "payment": payment})


def main(n_samples=200_000, max_time="15s"):
    # %%
    # Learn from five thousand trips. For four columns a small network is enough, and it draws several times as fast.

    trips = make_table(5_000)
    small = MLPBackbone(d_block=128, n_blocks=2)
    synth = TabularDiffusionSynthesizer(small, max_time=max_time, random_state=0).fit(trips)

    # %%
    # Draw. Ten million rows are the same call with ``10_000_000``.

    path = Path(tempfile.mkdtemp()) / "trips.parquet"
    with Memory() as memory:
        synth.sample_to(path, n_samples, random_state=0)

    # %%
    # Memory over time, and what was written:

    seconds, mebibytes = np.array(memory.readings).T
    _, ax = plt.subplots(figsize=(7, 2.6), layout="constrained")
    ax.plot(seconds, mebibytes, color="#c2410c")
    ax.set(xlabel="seconds", ylabel="memory, MiB", ylim=(0, 1.2 * mebibytes.max()))

    file = pq.ParquetFile(path)
    speed = n_samples / seconds[-1]
    print(f"{file.metadata.num_rows:,} rows in {file.num_row_groups} row groups, {path.stat().st_size / 2**20:.1f} MiB")
    print(f"{speed:,.0f} rows a second, so ten million take {1e7 / speed / 60:.0f} minutes")
    print(f"memory grew by {mebibytes[-1] - mebibytes[len(mebibytes) // 4]:.0f} MiB over the last three quarters")

    # %%
    # Rows do not depend on how they are asked for: row i is a function of the seed and of i. So chunks can be handled
    # one by one, and the first chunk of a long draw is the whole of a short one.

    first = next(synth.iter_samples(n_samples, chunk_size=1_000, random_state=0))
    assert first.equals(pd.read_parquet(path).head(1_000))
    print(first.head())

    return path


if __name__ == "__main__":
    main()
    plt.show()
