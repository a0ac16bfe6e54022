"""What is said: means beside the ceiling, ranks, tests that do not claim too much, published numbers marked as such."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tabdiff_lora.benchmark import Summary, html_report, markdown_report, markdown_table, published_scores
from tabdiff_lora.benchmark.columns import COLUMNS, USEFULNESS
from tabdiff_lora.benchmark.protocol import associations
from tabdiff_lora.benchmark.published import verdict
from tabdiff_lora.datasets import REGISTRY
from tests.benchmark.rows import draw_rows, record_of

TABLES = ["abalone", "adult", "buddy", "california", "cardio", "churn2", "default", "diabetes"]


def tuned(synthesizer, values, table="churn2", metric="macro_f1", **more):
    """Make a record of protocol "tabddpm": values of shape (draws, models)."""
    models = [{"draw": i, "model": j, metric: v} for i, row in enumerate(values) for j, v in enumerate(row)]
    scores = {metric: float(np.mean(values)), "mixed_difference": 0.02}
    terms = {"n_draws": 5, "n_models": 10, "name": "tabddpm"}
    return record_of(synthesizer, table=table) | {
        "protocol": terms,
        "models": models,
        "scores": scores,
        "ceiling": {metric: 0.74, "mixed_difference": 0.01},
        **more,
    }


def cells(markdown, heading="Results"):
    """Header and rows of a section's table."""
    section = markdown.split(f"## {heading}\n")[1].split("\n## ")[0] if heading in markdown else markdown
    lines = [line[2:-2].split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return lines[0], lines[1:]


def test_the_table_shows_mean_and_deviation_beside_the_ceiling_and_marks_goals():
    records = [record_of("default", seed, auc, 0.79) for seed, auc in enumerate([0.51, 0.53, 0.52])]
    records += [record_of("copula", 0, 0.6, 0.795), record_of("real", 0, 0.5, 0.8)]
    header, (real, default, copula) = cells(markdown_table(records))
    assert real[1] == "real"
    assert default[2:4] == ["0.520 ± 0.010 ✓", "2.00 ± 0.00 (0.50x)"]
    assert default[header.index("macro-F1 or R2")] == "0.790 ± 0.000 (-0.010) ✓ ▼"
    assert default[header.index("ROC-AUC or RMSE")] == "-"
    assert default[-5:] == ["10.0", "20.0", "1.0", "1.00", "3"]
    assert copula[2] == "0.600 ✗"


def test_a_failure_that_was_made_good_is_forgotten():
    failed = record_of("default", 0, error="RuntimeError") | {"scores": {}, "ceiling": None}
    table = markdown_table([failed, record_of("default", 0, 0.55, 0.7)])
    assert "failed" not in table
    assert "0.550 ✗" in table


def test_records_of_older_benchmarks_are_still_read():
    old = {key: value for key, value in record_of("default").items() if key not in ("protocol", "machine", "started")}
    assert "| churn2 | default |" in markdown_report([old])
    assert '<td class="name">default</td>' in html_report([old])


def test_records_of_two_protocols_do_not_mix():
    with pytest.raises(ValueError, match=r"records must be of one protocol\. Got \['equal', 'tabddpm'\] instead"):
        Summary([record_of("default"), tuned("default", [[0.7]])])


def test_ranks_are_means_over_tables_that_all_have():
    records = [
        record_of(name, auc=auc, f1=f1, table=table)
        for table, scores in {"a": [(0.5, 0.9), (0.6, 0.8)], "b": [(0.7, 0.9), (0.6, 0.9)]}.items()
        for name, (auc, f1) in zip(("default", "smote"), scores, strict=True)
    ]
    records += [record_of("default", table="c"), record_of("real", table="a", auc=0.1)]
    ranks = Summary(records).ranks()
    assert ranks.loc["default", "two-sample AUC"] == ranks.loc["smote", "two-sample AUC"] == 1.5
    assert ranks.loc["default", "macro-F1 or R2"] == 1.25
    assert ranks.attrs["tables"]["two-sample AUC"] == 2
    assert "correlation divergence" not in ranks
    assert cells(markdown_report(records), "Ranks")[1][0][:2] == ["default", "1.50"]


def test_differences_over_tables_have_an_interval_a_corrected_p_and_an_equivalence_test():
    rng = np.random.default_rng(0)
    records = []
    for number, table in enumerate(TABLES):
        base = rng.uniform(0.5, 0.9)
        records += [record_of("default", seed, f1=base + 0.001 * seed, table=table) for seed in range(2)]
        records += [record_of("copula", 0, f1=base - 0.1 - 0.05 * rng.random(), table=table)]
        records += [record_of("smote", 0, f1=base + 0.0005 + 0.001 * (-1) ** number, table=table)]
    table = Summary(records).comparisons().set_index(["score", "second"]).loc["macro-F1 or R2"]
    assert table.loc["copula", "better"] == "default"
    assert table.loc["copula", "wilcoxon_p"] == pytest.approx(2 / 2**8)
    assert table.loc["copula", "holm_p"] == pytest.approx(2 * 2 / 2**8)  # two rivals have values; real has none
    assert 0.09 < table.loc["copula", "low"] < table.loc["copula", "high"] < 0.16
    assert table.loc["smote", "better"] == "equivalent"
    assert table.loc["real", "n"] == 0
    header, rows = cells(markdown_report(records), "Differences over tables")
    smote = next(row for row in rows if row[:2] == ["macro-F1 or R2", "smote"])
    assert smote[header.index("better")] == "equivalent"
    assert smote[header.index("p (equivalence)")] == "< 0.001"


def test_differences_on_a_table_pair_seeds_and_draws():
    ours, theirs = [[0.70, 0.72], [0.74, 0.76]], [[0.70, 0.71], [0.74, 0.75]]
    records = [tuned("default", ours), tuned("smote", theirs), tuned("real", [[0.7, 0.8]])]
    found = Summary(records).differences(USEFULNESS)["churn2"]
    assert found["smote"]["n"] == 2
    assert found["smote"]["mean_difference"] == pytest.approx(0.005)
    assert found["real"]["n"] == 1
    header, (row,) = cells(markdown_report(records), "Differences on each table, macro-F1 or R2")
    assert row[header.index("smote")] == "+0.005 (+0.005 … +0.005) ≈"
    assert row[header.index("real")] == "-0.040"


def test_published_scores_are_tabddpms_the_papers_and_its_successors():
    scores = published_scores()
    assert set(scores) == set(REGISTRY)
    for table, card in REGISTRY.items():
        metric = "r2" if card.task == "regression" else "macro_f1"
        methods = {score.method for score in scores[table] if score.metric == metric}
        assert {"Real", "TabDDPM", "SMOTE", "TVAE", "CTABGAN+"} <= methods
        assert all(0 < score.mean < 1 for score in scores[table])
    churn = {(score.method, score.metric): score.mean for score in scores["churn2"]}
    assert churn["TabDDPM", "accuracy"] == 0.8604
    assert churn["TabDDPM (reimplemented by the paper)", "macro_f1"] == 0.744
    # SMOTE beats TabDDPM on 8 of the 16 by the published numbers
    best = {t: {s.method: s.mean for s in several if s.metric in USEFULNESS.metrics} for t, several in scores.items()}
    assert sum(of["SMOTE"] > of["TabDDPM"] for of in best.values()) == 8


@pytest.mark.parametrize(("mean", "word"), [(0.7548, "beats"), (0.7490, "within"), (0.7480, "misses")])
def test_a_mean_is_held_against_tabddpms_published_one(mean, word):
    assert verdict("churn2", USEFULNESS, mean) == word
    assert verdict("titanic", USEFULNESS, mean) == ""


def test_scores_published_of_other_rows_are_shown_but_decide_nothing():
    report = markdown_report([tuned("default", [[0.9]], "insurance", "r2")])
    assert "TabDDPM (*published*, of other rows)" in report
    assert verdict("insurance", USEFULNESS, 0.9) == ""
    assert "reaches TabDDPM" not in report


def test_published_numbers_stand_beside_ours_and_are_marked():
    records = [tuned("default", [[0.76, 0.75], [0.75, 0.76]]), tuned("default", [[0.5]], "abalone", "r2")]
    report = markdown_report(records)
    header, rows = cells(report)
    by_name = {row[1]: row for row in rows if row[0] == "churn2"}
    column = header.index("macro-F1 or R2")
    assert by_name["default"][column] == "0.755 ± 0.006 (+0.015) ✓"
    assert by_name["TabDDPM (*published*)"][column] == "0.755 ± 0.006"
    assert by_name["TabDDPM (*published*)"][header.index("accuracy")] == "0.860"
    assert by_name["TabDDPM (*published*)"][-1] == "-"
    assert next(row for row in rows if row[:2] == ["abalone", "default"])[column].endswith("✗")
    assert "`default` reaches TabDDPM's published macro-F1 or R2 on 1 of 2 tables and is within" in report
    page = html_report(records)
    assert re.search(r'<tr class=" published">.*TabDDPM \(published\)', page)
    assert "<code>default</code> reaches" in page
    assert "published" not in markdown_report([record_of("default")]).replace("published deviation", "")


def test_the_page_draws_what_became_of_the_correlations():
    found = associations(draw_rows(100, 0), draw_rows(100, 1))
    scores = record_of("x")["scores"] | {"mixed_difference": 0.0123}
    records = [record_of(name, association=found, scores=scores) for name in ("real", "default<b>")]
    page = html_report(records)
    assert page.count("<figure>") == 3
    assert "default&lt;b&gt;, divergence 0.0123" in page
    assert "<b>" not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_report_says_what_was_run_on_what():
    report = markdown_report([record_of("default", judge={"seconds": 3600}), record_of("smote", error="x")])
    assert "- 1 runs, 1.0 hours of fitting, drawing and judging, 2026-11-22." in report
    assert "- Machine: abacus, 2 cores, Linux (OMP_NUM_THREADS=1), python 3.12, commit abc." in report
    elsewhere = {"cpu": "loom", "gpu": "jacquard", "cores": 9, "system": "Linux", "OMP_NUM_THREADS": None}
    elsewhere |= {"versions": {"python": "3.14"}, "commit": "def"}
    report = markdown_report([record_of("default", judge={"seconds": 3600}, drawn_on=elsewhere)])
    assert "- Fitted and drawn on: loom and jacquard, 9 cores, Linux, python 3.14, commit def.\n" in report
    assert "\n- Judged on: abacus, 2 cores, Linux (OMP_NUM_THREADS=1), python 3.12, commit abc." in report
    assert "- Protocol {'n_rows_max': 10000, 'name': 'equal'}." in report
    assert "No run has finished." in markdown_report([record_of("smote", error="x") | {"scores": {}}])
    assert "No run has finished." in markdown_report([])


def test_every_column_has_a_direction_or_none():
    for columns in COLUMNS.values():
        assert {column.direction for column in columns} <= {"lower", "higher", None}
        assert all(column.margin is None or column.direction for column in columns)
