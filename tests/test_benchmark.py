"""The benchmark: equal terms, nothing twice, nothing lost."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.benchmark import Competitor, EqualRows, Results, Run, markdown_table, plan, run_all
from tabdiff_lora.benchmark.baselines import IndependentColumns, Interpolation, TrainingRows
from tabdiff_lora.benchmark.machine import describe_commit, describe_machine, describe_versions, measured
from tabdiff_lora.datasets import load_dataset

N_TRAIN = 120


def draw_rows(n: int, seed: int) -> pd.DataFrame:
    """Draw rows in which y follows x, and the class follows both."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    y = x + 0.1 * rng.normal(size=n)
    count = rng.poisson(3, size=n)
    return pd.DataFrame({"x": x, "y": y, "count": count, "label": np.where(x + y > 0, "high", "low")})


@pytest.fixture(scope="module")
def data_home(tmp_path_factory):
    """Make a folder with one classification and one regression."""
    home = tmp_path_factory.mktemp("data")
    for name, task, target in (("sign", "binclass", "label"), ("line", "regression", "y")):
        (home / name).mkdir()
        for seed, (split, n) in enumerate({"train": N_TRAIN, "val": 60, "test": 60}.items()):
            draw_rows(n, seed).to_parquet(home / name / f"{split}.parquet")
        meta = {"task": task, "target": target, "categorical": ["label"]}
        (home / name / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return home


@pytest.fixture
def factories(tmp_path, monkeypatch):
    """Make a module of competitors that this process and its children can import."""
    (tmp_path / "rivals.py").write_text(
        "from tabdiff_lora.benchmark.baselines import IndependentColumns\n"
        "def shuffle(max_time=None): return IndependentColumns(random_state=int(max_time or 0))\n"
        "class Broken:\n"
        "    def fit(self, df): raise RuntimeError('the loss\\nis not finite')\n"
        "class Short(IndependentColumns):\n"
        "    def sample(self, n): return super().sample(n - 1)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("default", "default", {}),
        (" smote(n_neighbors=3) ", "smote", {"n_neighbors": 3}),
        ("default(max_time=5, backbone='mlp', rank=None)", "default", {"max_time": 5, "backbone": "mlp", "rank": None}),
        ("rivals:make(widths=[1, 2])", "rivals:make", {"widths": [1, 2]}),
    ],
)
def test_competitors_are_read_as_they_are_written(text, name, parameters):
    assert Competitor.parse(text) == Competitor(name, parameters)


@pytest.mark.parametrize("text", ["default(", "default(5)", "default(a=b)", "default) or (1", "default(**{'a': 1})"])
def test_competitors_are_names_and_literals_only(text):
    with pytest.raises(ValueError, match="competitor"):
        Competitor.parse(text)


def test_a_competitor_is_called_what_tells_it_from_the_others():
    assert (
        str(Competitor("default", {"max_time": 180.0, "prior": "standard"}))
        == "default(max_time=180, prior='standard')"
    )
    assert str(Competitor("copula").within(180.0)) == "copula"


def test_unknown_competitor_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"one of default, copula, .* Got 'gan' instead"):
        Competitor.parse("gan")


def test_time_is_given_to_those_who_take_it(factories):
    assert Competitor("rivals:shuffle").within(5.0).parameters == {"max_time": 5.0}
    assert Competitor("rivals:shuffle", {"max_time": 1.0}).within(5.0).parameters == {"max_time": 1.0}
    assert Competitor("independent").within(5.0).parameters == {}


def test_training_rows_are_drawn_once_each_while_there_are_enough():
    train = draw_rows(50, 0)
    drawn = TrainingRows(random_state=1).fit(train).sample(50)
    pd.testing.assert_frame_equal(drawn.sort_index(), train)
    assert len(TrainingRows().fit(train).sample(70)) == 70


@pytest.mark.parametrize("n", [10, 50, 80])
def test_independent_columns_keep_margins_and_nothing_else(n):
    train = draw_rows(50, 0).assign(gap=[None, "a"] * 25, kind=pd.Categorical(["u", "v"] * 25))
    drawn = IndependentColumns(random_state=1).fit(train).sample(n)
    assert drawn.dtypes.equals(train.dtypes)
    assert len(drawn) == n
    assert all(set(drawn[name].dropna()) <= set(train[name].dropna()) for name in train)
    if n == 50:
        assert all(sorted(drawn[name].map(str)) == sorted(train[name].map(str)) for name in train)
        assert abs(np.corrcoef(drawn["x"], drawn["y"])[0, 1]) < 0.5


def test_interpolation_stays_between_neighbours():
    # On a line, every point between two training rows is on the line too.
    x = np.arange(40.0)
    train = pd.DataFrame({"x": x, "y": 2 * x + 1, "n": x.astype("int64"), "c": np.where(x < 20, "low", "high")})
    drawn = Interpolation(n_neighbors=2, random_state=0).fit(train).sample(100)
    np.testing.assert_allclose(drawn["y"], 2 * drawn["x"] + 1)
    assert drawn.dtypes.equals(train.dtypes)
    assert drawn["x"].between(0, 39).all()
    assert drawn.loc[drawn["x"] < 18, "c"].eq("low").all()
    assert (drawn["n"] - drawn["x"]).abs().max() <= 0.5


@pytest.mark.parametrize(("table", "usefulness"), [("sign", {"macro_f1", "roc_auc"}), ("line", {"r2", "rmse"})])
def test_the_judges_tell_training_rows_from_shuffled_ones(data_home, table, usefulness):
    dataset, protocol = load_dataset(table, data_home), EqualRows()
    real, shuffled = (
        protocol.score(dataset, kind().fit(dataset.train).sample(N_TRAIN), seed=0)
        for kind in (TrainingRows, IndependentColumns)
    )
    assert usefulness <= set(real)
    assert real["detection_auc"] < 0.6 < shuffled["detection_auc"]
    assert real["mixed_difference"] < shuffled["mixed_difference"]
    assert real["macro_f1" if table == "sign" else "r2"] > shuffled["macro_f1" if table == "sign" else "r2"]
    assert real["exact_copies"] == real["closer_to_training"] == 1.0
    ceiling = protocol.ceiling(dataset, real, seed=0)
    assert ceiling["exact_copies"] == 0.0
    assert 0.3 < ceiling["closer_to_training"] < 0.7


def test_as_many_rows_as_fitted_but_not_more_than_the_limit(data_home):
    dataset = load_dataset("sign", data_home)
    assert EqualRows().n_rows(dataset) == N_TRAIN
    assert EqualRows(n_rows_max=50).n_rows(dataset) == 50


def test_a_run_survives_its_way_through_json(data_home):
    run = Run(str(data_home), "sign", Competitor("smote", {"n_neighbors": 3}), 7, EqualRows(n_rows_max=60))
    assert Run.from_json(run.to_json()) == run


def test_finished_runs_are_not_repeated_and_failed_ones_do_not_stop_the_rest(data_home, factories, tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"table": "sign", "synth', encoding="utf-8")  # a crash while writing
    runs = plan(data_home, ["sign"], [Competitor("rivals:Broken"), Competitor("rivals:shuffle")], [0], max_time=2.0)
    assert [run.competitor.name for run in runs] == ["real", "rivals:Broken", "rivals:shuffle"]
    real, broken, shuffle = run_all(runs, Results(path))
    assert broken["error"] == "RuntimeError: the loss is not finite (exit code 1)"
    assert "scores" not in broken
    assert real["error"] is shuffle["error"] is None
    assert shuffle["parameters"] == {"max_time": 2.0}
    assert shuffle["ceiling"] == real["ceiling"]
    assert shuffle["n_rows"] == shuffle["n_train"] == N_TRAIN
    assert shuffle["fit"]["peak_memory"] > 2**20
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    again = Results(path)
    assert [again.find(run) == record for run, record in zip(runs, (real, broken, shuffle), strict=True)] == [
        True,
        False,
        True,
    ]
    assert list(run_all([runs[0], runs[2]], again)) == [real, shuffle]
    assert len(path.read_text(encoding="utf-8").splitlines()) == n_lines

    table = markdown_table([real, broken, shuffle])
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| sign")]
    assert [row[1] for row in rows] == ["real", "rivals:Broken", "rivals:shuffle(max_time=2)"]
    assert "0 (1 failed)" in rows[1][-1]


def test_rows_that_are_missing_are_an_error(data_home, factories):
    with pytest.raises(ValueError, match=r"sample of rivals:Short must have 120 rows\. Got 119 instead"):
        Run(str(data_home), "sign", Competitor("rivals:Short"), 0).carry_out()


def record_of(synthesizer, seed, auc, f1, ceiling=0.8, table="churn2", error=None):
    """Make a record with two scores."""
    return {
        "table": table,
        "synthesizer": synthesizer,
        "parameters": {},
        "seed": seed,
        "error": error,
        "scores": {"detection_auc": auc, "macro_f1": f1, "shape_error": 0.02, "roc_auc": None},
        "ceiling": {"detection_auc": 0.5, "macro_f1": ceiling, "shape_error": 0.04},
        "fit": {"seconds": 10.0, "cpu_seconds": 20.0, "peak_memory": 2**30},
        "sample": {"seconds": 1.0, "cpu_seconds": 1.0, "peak_memory": 2**30},
    }


def test_the_table_shows_medians_beside_the_ceiling_and_marks_goals():
    records = [record_of("default", seed, auc, 0.79) for seed, auc in enumerate([0.51, 0.9, 0.515])]
    records += [record_of("copula", 0, 0.6, 0.795), record_of("real", 0, 0.5, 0.8)]
    header, _, real, default, copula, *_ = (line.split(" | ") for line in markdown_table(records).splitlines())
    assert real[1] == "real"
    assert default[2:4] == ["0.515 ✓", "2.00 (0.50x)"]
    assert default[header.index("macro-F1 or R2")] == "0.790 (-0.010) ✓ ▼"
    assert default[header.index("ROC-AUC or RMSE")] == "-"
    assert default[-5:] == ["10.0", "20.0", "1.0", "1.00", "3 |"]
    assert copula[2] == "0.600 ✗"


def test_a_failure_that_was_made_good_is_forgotten():
    failed = record_of("default", 0, None, None, error="RuntimeError") | {"scores": {}, "ceiling": None}
    table = markdown_table([failed, record_of("default", 0, 0.55, 0.7)])
    assert "failed" not in table
    assert "0.550 ✗" in table


def test_machine_versions_and_commit_are_told():
    assert describe_machine()["cores"] >= 1
    assert {"python", "tabdiff-lora", "numpy"} <= set(describe_versions())
    assert describe_commit() is None or len(describe_commit()) >= 7


def test_a_block_is_measured():
    with measured() as cost:
        sum(range(10**6))
    assert 0 < cost.cpu_seconds <= cost.seconds + 0.1
