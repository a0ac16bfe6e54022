"""
Save, load, continue
====================

A fitted synthesizer goes into a folder of JSON and safetensors, and comes back with nothing run that the folder brings:
the same rows for the same seed, and ready to learn on.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.demo import example_table
from tabdiff_lora.evaluation import LossCurveDisplay


def main(max_epochs=100):
    # %%
    # Three hundred patients are known today.

    patients = example_table().sample(frac=1, random_state=0)
    today, later = patients[:300], patients[300:]
    synth = TabularDiffusionSynthesizer(max_epochs=max_epochs, random_state=0).fit(today)

    # %%
    # Save. No pickle: each file can be read, and ``README.md`` is a model card. The folder holds no rows, but it does
    # hold values, such as every category and the range of each number; :doc:`/saving` lists them.

    folder = Path(tempfile.mkdtemp())
    synth.save_pretrained(folder)
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size / 1024:8.1f} KiB  {path.name}")

    # %%
    # Load, here or on another machine, whatever the device it was trained on.

    again = TabularDiffusionSynthesizer.from_pretrained(folder)
    assert again.sample(100, random_state=1).equals(synth.sample(100, random_state=1))
    print(again.sample(3, random_state=1)[["age", "sex", "bmi", "progression"]])

    # %%
    # Continue. ``partial_fit`` goes on with the weights and the encoding as they are. Some old rows are mixed in, since
    # what is not shown again is forgotten bit by bit.

    before = again.score(later)
    again.partial_fit(pd.concat([later, today.sample(100, random_state=0)]))
    print(f"score of the later patients: {before:.3f} before, {again.score(later):.3f} after seeing them")

    # %%
    # The history goes on where it was.

    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    LossCurveDisplay.from_history(again.history_, ax=ax)
    ax.axvline(synth.n_iter_, color="0.5", linestyle=":")

    return synth, again


if __name__ == "__main__":
    main()
    plt.show()
