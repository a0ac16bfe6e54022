"""Runs: nothing twice, nothing lost, nothing for ever."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from tabdiff_lora.benchmark import (
    Competitor,
    EqualRows,
    Results,
    Run,
    TunedCatBoost,
    markdown_table,
    plan,
    run_all,
)
from tabdiff_lora.benchmark.drawn import DrawnRows
from tabdiff_lora.benchmark.machine import describe_commit, describe_machine, describe_versions, measured
from tabdiff_lora.datasets import load_dataset
from tests.benchmark.rows import N_TRAIN


@pytest.mark.parametrize("protocol", [EqualRows(n_rows_max=60), TunedCatBoost(n_draws=2)])
@pytest.mark.parametrize("home", ["data", None])
def test_a_run_survives_its_way_through_json(home, protocol):
    run = Run(home, "sign", Competitor("smote", {"n_neighbors": 3}), 7, protocol)
    assert Run.from_json(run.to_json()) == run


def test_what_makes_two_runs_the_same_has_not_changed():
    """Files of finished runs hold this; a run in them must stay finished."""
    assert Run("data", "adult", Competitor("default", {"max_time": 180.0}), 0).identity == {
        "table": "adult",
        "synthesizer": "default",
        "parameters": {"max_time": 180.0},
        "seed": 0,
        "protocol": {"n_rows_max": 10_000, "name": "equal"},
    }


def test_finished_runs_are_not_repeated_and_failed_ones_do_not_stop_the_rest(data_home, factories, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="tabdiff_lora")
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
    assert shuffle["judge"]["cpu_seconds"] > shuffle["fit"]["cpu_seconds"]
    assert "[3/3] sign, rivals:shuffle(max_time=2), seed 0: AUC" in caplog.text
    assert caplog.messages[-1].endswith("; 0.0 h to go")
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


def test_a_run_that_takes_too_long_is_ended(data_home, factories, tmp_path):
    (run,) = plan(data_home, ["sign"], [Competitor("rivals:Slow")], [0])[1:]
    (record,) = run_all([run], Results(tmp_path / "r.jsonl"), run_limit=1.0)
    assert record["error"] == "ended after 1 s, the limit of a run"


def test_rows_that_are_missing_are_an_error(data_home, factories):
    with pytest.raises(ValueError, match=r"sample of rivals:Short must have 120 rows\. Got 119 instead"):
        Run(str(data_home), "sign", Competitor("rivals:Short"), 0).carry_out()


def test_draws_have_seeds_where_the_synthesizer_takes_them(data_home, factories, monkeypatch):
    seen = []

    def judge(self, dataset, draws, seed):
        seen.append(draws)
        return {"scores": {}}

    monkeypatch.setattr(TunedCatBoost, "judge", judge)
    for name in ("independent", "rivals:shuffle", "real"):
        Run(str(data_home), "sign", Competitor(name), 0, TunedCatBoost(n_draws=2)).carry_out()
    (first, second), _, (real,) = seen
    assert not first.equals(second)
    assert len(real) == N_TRAIN


def test_kept_rows_are_those_that_were_drawn_and_serve_every_judge(data_home, tmp_path):
    def run(protocol, **more):
        return Run(str(data_home), "sign", Competitor("smote"), 0, protocol, str(tmp_path / "rows"), **more)

    drawn = run(TunedCatBoost(n_draws=2, n_models=1), judges=False).carry_out()
    assert "scores" not in drawn
    (folder,) = (tmp_path / "rows").iterdir()
    assert folder.name.startswith("sign-smote-0-")
    kept = DrawnRows.load(folder)
    for rows, seed in zip(kept.draws, (0, 1), strict=True):
        expected = Competitor("smote").build(0, "sign", "label")
        expected.fit(load_dataset("sign", data_home).train)
        pd.testing.assert_frame_equal(rows, expected.sample(N_TRAIN, random_state=seed), check_index_type=False)
    judged = run(TunedCatBoost(n_draws=2, n_models=2)).carry_out()
    assert judged["fit"] == drawn["fit"]
    assert judged["drawn_on"]["cores"] >= 1
    run(TunedCatBoost(n_draws=1)).carry_out()
    run(EqualRows(n_rows_max=60)).carry_out()
    assert len(list((tmp_path / "rows").iterdir())) == 3
    assert DrawnRows.load(tmp_path / "absent") is None


def test_machine_versions_and_commit_are_told():
    assert describe_machine()["cores"] >= 1
    assert {"python", "tabdiff-lora", "numpy"} <= set(describe_versions())
    assert describe_commit() is None or len(describe_commit()) >= 7


def test_a_block_is_measured():
    with measured() as cost:
        sum(range(10**6))
    assert 0 < cost.cpu_seconds <= cost.seconds + 0.1
