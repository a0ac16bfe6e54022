"""
Condition, balance, impute
==========================

Some columns of a row are known, the others are to be drawn: one trained synthesizer answers all such questions.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tabdiff_lora import TabularDiffusionSynthesizer, between, one_of
from tabdiff_lora.demo import example_table


def main(max_time="20s", n_samples=1_000, n_draws=9):
    # %%
    # 442 patients: ten measurements, and how their diabetes went on.

    patients = example_table()
    synth = TabularDiffusionSynthesizer(max_time=max_time, random_state=0).fit(patients)
    print(patients.head(3).T.to_string())

    # %%
    # Condition
    # ---------
    # Women between 40 and 50 whose diabetes became severe: exactly as many rows as asked for.

    women = synth.sample(
        n_samples,
        conditions={"sex": "female", "age": between(40, 50), "progression": "severe"},
        random_state=1,
    )
    print(women[["sex", "age", "bmi", "bp", "progression"]].head())

    # %%
    # The other columns follow what is known. The body-mass index of mild and severe cases, drawn and real:

    _, axes = plt.subplots(1, 2, figsize=(9, 3), sharex=True, sharey=True, layout="constrained")
    bins = np.linspace(patients["bmi"].min(), patients["bmi"].max(), 20)
    for ax, course in zip(axes, ["mild", "severe"]):
        drawn = synth.sample(n_samples, conditions={"progression": course}, random_state=2)
        ax.hist(patients.query("progression == @course")["bmi"], bins, density=True, alpha=0.5, label="real")
        ax.hist(drawn["bmi"], bins, density=True, histtype="step", label="synthetic")
        ax.set(title=course, xlabel="bmi")
    axes[0].legend(frameon=False)

    # %%
    # A table of conditions asks for one row each; an empty cell is free.

    asked = pd.DataFrame({"age": [30, 50, 70], "sex": ["male", None, "female"]})
    print(synth.sample(conditions=asked, random_state=3)[["age", "sex", "bp", "progression"]])

    # %%
    # A choice of values, in the shares in which they occur together:

    elder = synth.sample(n_samples, conditions={"progression": one_of(["mild", "moderate"])}, random_state=4)
    print(elder["progression"].value_counts())

    # %%
    # Balance
    # -------
    # All levels of a column equally often, or in given shares.

    print(patients["sex"].value_counts().to_dict(), "in the table")
    print(synth.sample(n_samples, class_balance="sex")["sex"].value_counts().to_dict())
    shares = {"sex": {"male": 0.9, "female": 0.1}}
    print(synth.sample(n_samples, class_balance=shares)["sex"].value_counts().to_dict())

    # %%
    # Impute
    # ------
    # A fifth of the cells of three columns are lost. ``impute`` fills the gaps with draws given what is left of the
    # row; several draws say how sure each is.

    rng = np.random.default_rng(0)
    holes = patients.copy()
    for name in ["bmi", "glucose", "hdl"]:
        holes[name] = holes[name].astype("float64").mask(rng.random(len(holes)) < 0.2)
    draws = synth.impute(holes, n_draws=n_draws, random_state=5)
    bmi = pd.DataFrame({f"draw {i}": draw["bmi"] for i, draw in enumerate(draws, 1)})
    lost = holes["bmi"].isna()
    print(bmi[lost].iloc[:4, :3].assign(truth=patients["bmi"]))

    # %%
    # If the draws are right, the truth lies between the smallest and the largest of nine in eight cells out of ten. And
    # each draw keeps the spread of the column, which filling in the mean does not.

    inside = patients["bmi"].between(bmi.min(axis=1), bmi.max(axis=1))[lost]
    print(f"truth between the draws: {inside.mean():.0%} of {lost.sum()} cells")
    filled = {"real": patients, "imputed once": draws[0], "mean filled in": holes.fillna({"bmi": holes["bmi"].mean()})}
    print(pd.Series({how: table["bmi"].std() for how, table in filled.items()}, name="deviation of bmi").round(2))

    return women, draws


if __name__ == "__main__":
    main()
    plt.show()
