"""evaluate: a table for people, JSON for programs, a page, and an exit code for thresholds."""

from __future__ import annotations

import io
import json

import pytest

from tests.tables import gaussian_table

FAST = ["--metrics", "margins,trend,validity"]


@pytest.fixture
def tables(tmp_path):
    for seed, name in enumerate(["real.csv", "fake.csv", "holdout.parquet"]):
        part = gaussian_table(80, seed)
        part.to_csv(tmp_path / name, index=False) if name.endswith("csv") else part.to_parquet(tmp_path / name)
    return ["real.csv", "fake.csv", "--holdout", "holdout.parquet"]


def test_all_scores_stand_under_each_other(run, tables, tmp_path):
    code, out, err = run("evaluate", *tables, *FAST, "--html", "report.html")
    assert (code, err) == (0, "judging 80 synthetic rows ...\n")
    lines = out.splitlines()
    assert lines[0].split() == ["synthetic", "ceiling", "floor", "better"]
    shape = next(line for line in lines if "shape_error" in line).split()
    assert shape[-1] == "lower"
    assert all(0 <= float(number) < 1 for number in shape[1:4])
    assert any(line.startswith("Is each column as it should be?") for line in lines)
    assert "<svg" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_json_is_for_programs(run, tables):
    code, out, _ = run("evaluate", *tables, *FAST, "--json")
    assert code == 0
    assert {score["name"] for score in json.loads(out)["scores"]} >= {"shape_error", "trend_error"}


def test_several_files_are_several_draws(run, tables, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.StringIO((tmp_path / "fake.csv").read_text()))
    _, out, err = run("evaluate", "real.csv", "fake.csv", "-", "--metrics", "margins", "--json")
    assert err == "judging 80 + 80 synthetic rows ...\n"
    assert [len(score["draws"]) for score in json.loads(out)["scores"]] == [2, 2, 2]


def test_a_missed_threshold_is_exit_code_2(run, tables):
    arguments = ["--quiet", "evaluate", *tables, *FAST]
    assert run(*arguments, "--fail-under", "shape_error=0.9")[::2] == (0, "")
    code, out, err = run(*arguments, "--fail-under", "shape_error=1e-6", "--fail-under", "trend_error=0.9")
    assert code == 2
    assert "shape_error" in out
    assert err.startswith("missed: shape_error must be at most 1e-06. Got 0.")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--fail-under", "beauty=1"], "score of --fail-under must be one of shape_error, "),
        (["--fail-under", "shape_error"], "value of --fail-under must be NAME=VALUE. Got 'shape_error' instead."),
        (["--fail-under", "r2=0.5"], "score of --fail-under must be in the report. Got 'r2' instead: it is not."),
        (["--metrics", "beauty"], "metrics must be among ["),
        (["--html", "absent/r.html"], "folder of output must exist. Got 'absent/r.html' instead."),
        (["absent.csv"], "table 'absent.csv' must be a file."),
    ],
)
def test_a_mistake_is_one_line(run, tables, more, message):
    code, _, err = run("--quiet", "evaluate", *tables, *FAST, *more)
    assert code == 1
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
