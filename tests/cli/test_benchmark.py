"""benchmark: prints a report, resumes, and tells what failed."""

from __future__ import annotations

import json

import pandas as pd

from tabdiff_lora.cli.benchmark import _split


def write_toy(folder):
    """A folder with one small regression."""
    table = pd.DataFrame({"x": range(60), "y": [float(i % 7) for i in range(60)]})
    (folder / "toy").mkdir()
    for split in ("train", "val", "test"):
        table.to_parquet(folder / "toy" / f"{split}.parquet")
    meta = {"task": "regression", "target": "y", "categorical": []}
    (folder / "toy" / "meta.json").write_text(json.dumps(meta))


def test_commas_inside_brackets_separate_nothing():
    assert _split("a, b(x=1, y=[2, 3]),m:f") == ["a", " b(x=1, y=[2, 3])", "m:f"]


def test_benchmark_prints_a_table_and_resumes(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tabdiff_lora.benchmark.runner._in_a_fresh_process", lambda run, _: (run.carry_out(), None))
    write_toy(tmp_path)
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


def test_rows_drawn_by_one_call_are_judged_by_another(run, tmp_path, monkeypatch):
    calls = []

    def in_this_process(run, _):
        calls.append((run.competitor.name, run.judges))
        return run.carry_out(), None

    monkeypatch.setattr("tabdiff_lora.benchmark.runner._in_a_fresh_process", in_this_process)
    write_toy(tmp_path)
    call = ["benchmark", ".", "--synthesizers", "independent", "--output", "r.jsonl", "--rows", "drawn"]
    code, out, err = run(*call, "--draw-only")
    assert (code, out) == (0, "")
    assert "toy, independent, seed 0: drawn" in err
    assert not (tmp_path / "r.jsonl").exists()
    (folder,) = (tmp_path / "drawn").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["0.parquet", "about.json"]
    marked = pd.read_parquet(folder / "0.parquet").assign(x=7)
    marked.to_parquet(folder / "0.parquet")
    code, out, _ = run(*call)
    assert code == 0
    assert calls == [("independent", False), ("real", True), ("independent", True)]
    _, judged = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert judged["scores"]["shape_error"] > 0.4  # it was the marked rows that were judged


def test_drawing_alone_needs_a_folder(run, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "meta.json").write_text("{}")
    code, _, err = run("benchmark", ".", "--draw-only")
    assert code == 1
    assert err == "error: --draw-only must have a folder for the rows. Got no --rows instead.\n"


def test_failed_runs_are_told_and_exit_code_1(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tabdiff_lora.benchmark.runner._in_a_fresh_process", lambda run, _: ({}, "out of memory"))
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "meta.json").write_text("{}")
    code, out, err = run("benchmark", ".", "--synthesizers", "independent")
    assert code == 1
    assert "0 (1 failed)" in out
    assert err.splitlines()[-1] == "error: 2 of 2 runs failed; they are tried again next time."
