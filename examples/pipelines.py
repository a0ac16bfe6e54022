"""
Inside Pipeline and GridSearchCV
================================

The synthesizer is a scikit-learn estimator: it is cloned, scored and searched like any other, and it can stand behind
other steps or train a classifier. Whatever happens inside a cross-validation sees the rows of its fold and no others.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tabdiff_lora import (
    DiffusionImputer,
    SyntheticTrainingClassifier,
    TabularDiffusionSynthesizer,
    sample_pipeline,
)
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.demo import example_table


def main(max_epochs=100, cv=3, widths=(64, 256)):
    # %%
    # 442 patients; the course of their diabetes is the label.

    patients = example_table()
    X, y = patients.drop(columns="progression"), patients["progression"]

    # %%
    # Choose by the score
    # -------------------
    # ``score`` is minus the denoising loss of rows, so a search needs no metric of its own. The parameters of the
    # network are reached as ``backbone__...``.

    search = GridSearchCV(
        TabularDiffusionSynthesizer(MLPBackbone(), max_epochs=max_epochs, random_state=0),
        {"backbone__d_block": widths},
        cv=cv,
    ).fit(patients)
    columns = ["param_backbone__d_block", "mean_test_score", "std_test_score"]
    print(pd.DataFrame(search.cv_results_)[columns].round(3))

    # %%
    # The winner is fitted to all rows and draws at once.

    print(search.best_estimator_.sample(3)[["age", "sex", "bmi", "progression"]])

    # %%
    # Train on synthetic, test on real
    # --------------------------------
    # ``SyntheticTrainingClassifier`` fits its classifier to drawn rows only. In a cross-validation this is the score of
    # train-on-synthetic, test-on-real without leakage.

    words = make_column_transformer((OneHotEncoder(), ["sex"]), remainder=StandardScaler())
    classifier = make_pipeline(words, LogisticRegression(max_iter=1_000))
    synthesizer = search.best_estimator_
    models = {
        "real rows": classifier,
        "synthetic rows": SyntheticTrainingClassifier(classifier, synthesizer),
        "both": SyntheticTrainingClassifier(classifier, synthesizer, include_real=True),
    }
    scores = pd.DataFrame({name: cross_val_score(model, X, y, cv=cv) for name, model in models.items()})
    print(scores.agg(["mean", "std"]).T.round(3))

    # %%
    # Fill gaps on the way
    # --------------------
    # ``DiffusionImputer`` is a transformer, so it may stand before a classifier. Here three tenths of the body-mass
    # indices are missing.

    holes = X.copy()
    holes["bmi"] = holes["bmi"].mask(np.random.default_rng(0).random(len(X)) < 0.3)
    filled = make_pipeline(DiffusionImputer(synthesizer, random_state=0), classifier)
    print(f"accuracy: {cross_val_score(filled, holes, y, cv=cv).mean():.3f}")

    # %%
    # Behind other steps
    # ------------------
    # A pipeline that ends with a synthesizer draws through its steps backwards.

    numbers = X.select_dtypes("number")
    pipe = make_pipeline(StandardScaler(), clone(synthesizer))
    print(sample_pipeline(pipe.fit(numbers), 3).round(1).iloc[:, :6])

    # %%
    # How typical is a row?
    # ---------------------
    # ``score_samples`` ranks rows. Patients whose measurements were exchanged among each other are less typical.

    rng = np.random.default_rng(1)
    exchanged = patients.apply(lambda column: column.to_numpy()[rng.permutation(len(column))])
    _, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    for name, rows in {"patients": patients, "exchanged": exchanged}.items():
        ax.hist(synthesizer.score_samples(rows), 40, alpha=0.6, label=name)
    ax.set(xlabel="score_samples", ylabel="rows")
    ax.legend(frameon=False)

    return search, scores


if __name__ == "__main__":
    main()
    plt.show()
