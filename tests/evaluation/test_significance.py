"""Significance: scipy's tests, textbook corrections, and words that do not claim too much."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from tabdiff_lora.evaluation import EvaluationReport, Score, compare, paired_comparison
from tabdiff_lora.evaluation.significance import auc_standard_error, bootstrap_mean, equivalence_p, holm, wilcoxon_p


def test_delong_is_near_the_bootstrap():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 150)
    score = rng.normal(size=300) + 0.8 * y
    draws = []
    for _ in range(300):
        rows = np.concatenate([rng.integers(0, 150, 150), rng.integers(150, 300, 150)])
        draws.append(roc_auc_score(y[rows], score[rows]))
    assert auc_standard_error(y, score) == pytest.approx(np.std(draws), rel=0.15)


def test_wilcoxon_is_scipys_and_equality_is_no_error():
    d = [0.3, -0.1, 0.4, 0.2, 0.5, 0.1, 0.6]
    assert wilcoxon_p(d) == stats.wilcoxon(d).pvalue
    assert wilcoxon_p([0.0, 0.0]) == 1.0


def test_compare_agrees_with_scipy_and_with_a_case_worked_by_hand():
    ours, theirs = [0.9, 0.8, 0.7, 0.6, 0.5, 0.41], [0.7, 0.5, 0.3, 0.1, -0.1, 0.5]
    # The differences are 0.2, 0.3, 0.4, 0.5, 0.6, -0.09: the one negative has rank 1. Of the 64 patterns of signs, the
    # rank sums 0 and 1 have one each, and so have their mirror images: p = 4 / 64.
    row = compare({"ours": runs(ours), "theirs": runs(theirs)}, scores=["roc_auc"]).iloc[0]
    assert row["wilcoxon_p"] == pytest.approx(4 / 64)
    assert row["wilcoxon_p"] == pytest.approx(stats.wilcoxon(ours, theirs).pvalue)
    assert row["mean_difference"] == pytest.approx(1.91 / 6)
    assert row["better"] == "open"


def test_five_pairs_can_never_be_significant():
    row = paired_comparison([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])
    assert row["wilcoxon_p"] == pytest.approx(0.0625)
    assert row["reason"] == "5 pairs differ: no test can be significant below 6"
    assert paired_comparison([1] * 8, [1] * 6 + [0, 0])["reason"].startswith("2 pairs differ")


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_equivalence_is_two_one_sided_t_tests():
    d = np.random.default_rng(0).normal(0.001, 0.01, size=20)
    greater = stats.ttest_1samp(d, -0.02, alternative="greater").pvalue
    less = stats.ttest_1samp(d, 0.02, alternative="less").pvalue
    assert equivalence_p(d, 0.02) == pytest.approx(max(greater, less))
    assert equivalence_p([0.0, 0.0], 0.1) == 0.0
    with pytest.raises(ValueError, match=r"margin must be positive\. Got 0 instead"):
        equivalence_p(d, 0)


def test_bootstrap_covers_the_mean():
    d = np.random.default_rng(1).normal(0.5, 1, size=40)
    low, high = bootstrap_mean(d)
    assert low < d.mean() < high
    assert high - low == pytest.approx(4 * d.std() / 40**0.5, rel=0.15)


def runs(values, other=0.5):
    return [
        EvaluationReport(
            (Score("roc_auc", "Usefulness", v, "higher"), Score("shape_error", "", other, "lower")), {}, {}
        )
        for v in values
    ]


def test_compare_names_winner_equivalence_and_doubt():
    rng = np.random.default_rng(0)
    base = rng.normal(0.8, 0.02, size=12)
    reports = {"ours": runs(base + 0.05), "theirs": runs(base), "noisy": runs(base + rng.normal(0, 0.02, 12))}
    table = compare(reports, scores=["roc_auc"], margin={"roc_auc": 0.01}).set_index(["first", "second"])
    assert table.loc[("ours", "theirs"), "better"] == "ours"
    assert table.loc[("ours", "theirs"), "mean_difference"] == pytest.approx(0.05)
    assert table.loc[("ours", "theirs"), "first_mean"] == pytest.approx(base.mean() + 0.05)
    assert table.loc[("theirs", "noisy"), "better"] == "open"
    same = compare({"a": runs(base), "b": runs(base + 1e-4 * rng.normal(size=12))}, margin=0.01)
    assert set(same["score"]) == {"roc_auc", "shape_error"}
    assert (same["better"] == "equivalent").all()


def test_compare_wants_pairs():
    with pytest.raises(ValueError, match="two or more synthesizers with equally many runs"):
        compare({"a": runs([0.5]), "b": runs([0.5, 0.6])})
    with pytest.raises(ValueError, match=r"equally many runs\. Got \{'a': 0, 'b': 0\} instead"):
        compare({"a": runs([0.5])[0], "b": runs([0.5])[0]})
    table = compare({"a": runs([None]), "b": runs([0.6])}, scores=["roc_auc"])
    assert table["reason"].tolist() == ["no run has a value"]
