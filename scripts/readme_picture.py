"""Draw the picture of the README: margins and correlations of held-out rows beside those of synthetic ones.

python scripts/readme_picture.py [FOLDER OF TABLES, default: download] writes docs/images/real-and-synthetic.svg.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.datasets import load_dataset
from tabdiff_lora.evaluation import CorrelationDisplay, MarginalsDisplay

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "real-and-synthetic.svg"
TABLE, MAX_TIME = "adult", "60cpu-s"
MARGINS = ("age", "hours-per-week", "education-num", "occupation", "relationship", "income")


def main(data_home: str | None = None) -> None:
    """Fit the training rows for a minute, draw as many rows as were held out, and show both."""
    dataset = load_dataset(TABLE, data_home)
    real = dataset.held_out
    synth = TabularDiffusionSynthesizer(max_time=MAX_TIME, random_state=0)
    synthetic = synth.fit(dataset.train).sample(len(real))
    with matplotlib.rc_context({"svg.hashsalt": "tabdiff_lora", "font.size": 8}):
        figure = Figure(figsize=(9, 6.4), layout="constrained")
        above, below = figure.subfigures(2, 1, height_ratios=(6, 7))
        MarginalsDisplay.from_frames(real, synthetic, names=MARGINS, ax=above.subplots(2, 3))
        CorrelationDisplay.from_frames(real, synthetic, ax=below.subplots(1, 3, sharey=True))
        figure.savefig(PICTURE, bbox_inches="tight", metadata={"Date": None})


if __name__ == "__main__":
    main(*sys.argv[1:])
