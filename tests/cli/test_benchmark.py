"""benchmark: prints a report, resumes, and tells what failed."""

from __future__ import annotations

import json

import pandas as pd

from tabdiff_lora.cli.benchmark import _split


def test_commas_inside_brackets_separate_nothing():
    assert _split("a, b(x=1, y=[2, 3]),m:f") == ["a", " b(x=1, y=[2, 3])", "m:f"]


def test_benchmark_prints_a_table_and_resumes(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tabdiff_lora.benchmark.runner._in_a_fresh_process", lambda run, _: (run.carry_out(), None))
    table = pd.DataFrame({"x": range(60), "y": [float(i % 7) for i in range(60)]})
    (tmp_path / "toy").mkdir()
    for split in ("train", "val", "test"):
        table.to_parquet(tmp_path / "toy" / f"{split}.parquet")
    meta = {"task": "regression", "target": "y", "categorical": []}
    (tmp_path / "toy" / "meta.json").write_text(json.dumps(meta))
    call = ["benchmark", ".", "--synthesizers", "independent", "--output", "r.jsonl"]
    code, out, err = run(*call)
    assert code == 0
    assert out.startswith("## Results\n")
    assert "\n| table | synthesizer |" in out
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == out
    assert "<h1>Benchmark, protocol equal</h1>" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "[2/2] toy, independent, seed 0: AUC" in err
    assert run(*call) == (0, out, "")
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 2


def test_failed_runs_are_told_and_exit_code_1(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tabdiff_lora.benchmark.runner._in_a_fresh_process", lambda run, _: ({}, "out of memory"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "meta.json").write_text("{}")
    code, out, err = run("benchmark", ".", "--synthesizers", "independent")
    assert code == 1
    assert "0 (1 failed)" in out
    assert err.splitlines()[-1] == "error: 2 of 2 runs failed; they are tried again next time."
