"""
Imbalanced classes, beside SMOTE
================================

``SyntheticOverSampler`` is a sampler in the sense of imbalanced-learn: it adds drawn rows of the rarer class and stands
in its pipelines. Whether that helps a classifier is another question, and this page asks it.
"""

import matplotlib.pyplot as plt
import pandas as pd
from imblearn.over_sampling import SMOTENC
from imblearn.pipeline import make_pipeline
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate

from tabdiff_lora import SyntheticOverSampler, TabularDiffusionSynthesizer


def make_rows(n):
    """Rows of which one in twenty is of the class that matters; one column has three levels."""
    X, y = make_classification(n, 8, n_informative=5, weights=[0.95], class_sep=0.8, flip_y=0.01, random_state=0)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    frame["x7"] = pd.cut(frame["x7"], 3, labels=False)
    return frame, y


def main(n=2_000, max_time="10s", n_repeats=1):
    # %%
    # Two thousand rows, a hundred of them of the rare class.

    X, y = make_rows(n)
    print(pd.Series(y).value_counts().to_dict())

    # %%
    # Drawn rows keep the law of the class: beside the rare rows (dark) lie the added ones (light). SMOTE adds rows on
    # the lines between neighbours.

    synthesizer = TabularDiffusionSynthesizer(types={"x7": "categorical"}, max_time=max_time)
    samplers = {
        "SMOTENC": SMOTENC([7], random_state=0),
        "SyntheticOverSampler": SyntheticOverSampler(synthesizer, random_state=0),
    }
    _, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharex=True, sharey=True, layout="constrained")
    for ax, (name, sampler) in zip(axes, samplers.items()):
        added, rare = sampler.fit_resample(X, y)[0][len(X) :], X[y == 1]
        ax.scatter(added["x0"], added["x1"], s=4, color="#c2410c", alpha=0.3, label=f"{len(added)} added")
        ax.scatter(rare["x0"], rare["x1"], s=10, color="#1f2933", label=f"{len(rare)} real")
        ax.set(title=name, xlabel="x0", ylabel="x1")
        ax.legend(frameon=False)

    # %%
    # Three ways to mind the rare class, and doing nothing, in the same folds. The area under the precision-recall curve
    # needs no threshold; balanced accuracy is what predicting at 1/2 gives.

    def forest(**parameters):
        return RandomForestClassifier(100, min_samples_leaf=2, random_state=0, **parameters)

    models = {
        "nothing": forest(),
        "class weights": forest(class_weight="balanced"),
        "SMOTENC": make_pipeline(samplers["SMOTENC"], forest()),
        "SyntheticOverSampler": make_pipeline(samplers["SyntheticOverSampler"], forest()),
    }
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=n_repeats, random_state=0)
    measures = ["average_precision", "roc_auc", "balanced_accuracy"]
    found = {name: cross_validate(model, X, y, cv=folds, scoring=measures) for name, model in models.items()}
    table = pd.DataFrame(
        {name: {measure: runs[f"test_{measure}"].mean() for measure in measures} for name, runs in found.items()}
    ).T
    print(table.round(3))

    # %%
    # One table says little; :doc:`/augmentation` has the measurements on several. Compare the first two columns, which
    # need no threshold, with the third: class weights cost nothing, so begin with them. Draw rows where a class is so
    # small that it has to be shared, shown or tested with, and not because classes are uneven.

    return table


if __name__ == "__main__":
    main()
    plt.show()
