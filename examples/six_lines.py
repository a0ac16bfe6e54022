"""
Six lines
=========

Learn a table, draw new rows, ask how good they are. No configuration is needed; a time limit keeps it short.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

from tabdiff_lora import TabularDiffusionSynthesizer, evaluate
from tabdiff_lora.evaluation import CorrelationDisplay, MarginalsDisplay


def main(max_time="20s", n_samples=1_000):
    # %%
    # The table: 178 wines, thirteen measurements and the cultivar. Three tenths are held out; the synthesizer never
    # sees them.

    wine = load_wine(as_frame=True).frame
    df, df_test = train_test_split(wine, test_size=0.3, random_state=0)

    # %%
    # Fit and draw. What comes back has the columns, the dtypes and the number formats of ``df``: an ash content has two
    # decimals because all those in the table have two.

    synth = TabularDiffusionSynthesizer(max_time=max_time, random_state=0).fit(df)
    fake = synth.sample(n_samples)
    print(fake.iloc[:5, :6])

    # %%
    # Judge them. The report answers a few questions.

    report = evaluate(df, fake, holdout=df_test, target="target")
    for finding in report.summary():
        print(f"{finding.status:<5} {finding.question}")

    # %%
    # Behind each answer is a score between what other real rows get (the ceiling) and what shuffled columns get (the
    # floor).

    names = ["trend_error", "detection_auc", "macro_f1", "exact_copies"]
    print(report.to_frame().loc[names, ["value", "ceiling", "floor"]].round(3))

    # %%
    # ``report.to_html("wine.html")`` writes all of it to one page, with pictures such as these.

    _, axes = plt.subplots(1, 4, figsize=(11, 2.6), layout="constrained")
    names = ["alcohol", "color_intensity", "proline", "target"]
    MarginalsDisplay.from_frames(wine, fake, names=names, ax=axes)

    # %%
    # How columns depend on each other, in the wines and in the drawn rows:

    _, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
    CorrelationDisplay.from_frames(wine, fake, ax=axes)

    return report


if __name__ == "__main__":
    main()
    plt.show()
