"""The experiment about pre-training: its arms are what they are called, nothing runs twice, the tests are right."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.benchmark import pretraining
from tabdiff_lora.benchmark.pretraining import (
    ARMS,
    RANKS,
    Trial,
    arm_table,
    as_frame,
    comparison_table,
    main,
    readable_rows,
    trials,
)
from tabdiff_lora.benchmark.runner import Results
from tabdiff_lora.table import TableEncoder
from tests.backbones.language_models import tiny_model, tiny_tokenizer
from tests.tables import gaussian_table

SETTINGS = {"model": "some-model", "n_layers": 1, "max_time": "1cpu-s"}


def trial(arm: str) -> Trial:
    return Trial("t", 60, arm, 0, **SETTINGS)


def test_arms_differ_from_the_language_model_in_what_they_are_called_after():
    plain = trial("pre-trained").synthesizer().backbone.get_params()
    for arm in [arm for arm in ARMS | RANKS if not arm.startswith("mlp")]:
        told = trial(arm).synthesizer().backbone.get_params()
        changed = {name: value for name, value in told.items() if value != plain[name]}
        assert changed == {k: v for k, v in (ARMS | RANKS)[arm].items() if v != plain[k]}, arm
    assert type(trial("mlp").synthesizer().backbone).__name__ == "MLPBackbone"
    assert [trial(arm).synthesizer().validation_fraction for arm in ("mlp", "mlp stopped early", "random")] == [
        0,
        0.1,
        0,
    ]
    assert trial("copula").synthesizer().max_epochs == 0
    assert trial("all trained slowly").synthesizer().learning_rate < trial("all trained").synthesizer().learning_rate


def test_every_seed_is_finished_before_the_next_begins():
    listed = list(trials(["a", "b"], [10], [0, 1], ["mlp"], **SETTINGS))
    assert [(t.seed, t.table, t.arm) for t in listed[:6]] == [
        (0, table, arm) for table in "ab" for arm in ("real", "copula", "mlp")
    ]
    assert [t.seed for t in listed] == [0] * 6 + [1] * 6


@pytest.fixture
def data_home(tmp_path):
    (tmp_path / "data" / "line").mkdir(parents=True)
    for split, n in {"train": 150, "val": 60, "test": 60}.items():
        gaussian_table(n).to_parquet(tmp_path / "data" / "line" / f"{split}.parquet")
    meta = {"task": "binclass", "target": "label", "categorical": ["label"]}
    (tmp_path / "data" / "line" / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    return tmp_path / "data"


def test_one_command_runs_everything_once_and_prints_the_tables(data_home, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "model"
    tiny_model("bert").save_pretrained(folder), tiny_tokenizer().save_pretrained(folder)
    told = [str(data_home), "--output", str(tmp_path / "out.jsonl"), "--model", str(folder), "--n-layers", "1"]
    told += ["--tables", "line", "--n-rows", "60", "--seeds", "0", "--arms", "mlp,pre-trained", "--max-time", "1cpu-s"]
    main(told)
    printed = capsys.readouterr().out
    assert "| line | 60 | 1 |" in printed
    assert "| usefulness | mlp | 1 |" in printed
    records = Results(tmp_path / "out.jsonl").records
    assert [record["arm"] for record in records] == ["real", "copula", "mlp", "pre-trained"]
    assert all(0 <= record["scores"]["usefulness"] <= 1 for record in records)
    assert all(0 < record["scores"]["held_out_loss"] < 2 for record in records[1:])
    assert records[-1]["rank"] >= 1
    monkeypatch.setattr(pretraining.Trial, "carry_out", None)  # nothing is left to be carried out
    main(told)
    assert capsys.readouterr().out == printed


def test_only_rows_that_can_be_read_are_held_out():
    frame = gaussian_table(60)
    encoder = TableEncoder().fit(frame)
    strange = frame.head(6).assign(label=["high", "low", "odd", "high", "odd", "low"])
    assert sorted(readable_rows(encoder, strange).index) == [0, 1, 3, 5]


def test_unknown_arms_are_named(data_home, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(data_home), "--output", str(tmp_path / "o"), "--model", "m", "--arms", "mlp,magic"])
    assert "arms must be among mlp, mlp stopped early, pre-trained" in capsys.readouterr().err


def records(better: float) -> list[dict]:
    rng = np.random.default_rng(0)
    scores = {
        "held_out_loss": 1.0,
        "detection_auc": 0.5,
        "shape_error": 0.1,
        "closer_to_training": 0.5,
        "exact_copies": 0.0,
    }
    cost = {"cpu_seconds": 1.0}
    return [
        {"table": table, "n_rows": 100, "seed": seed, "arm": arm, "fit": cost, "sample": cost}
        | {"scores": scores | {"usefulness": rng.normal(0.7, 0.01) + better * (arm == "pre-trained")}}
        | {"n_steps": 10, "rank": None if arm == "mlp" else 4, "n_trainable": 1000}
        for table in "abc"
        for seed in range(4)
        for arm in ("mlp", "pre-trained")
    ]


def test_a_difference_is_found_where_there_is_one():
    lines = {gain: comparison_table(as_frame(records(gain)), "pre-trained").splitlines()[2] for gain in (0.0, 0.1)}
    cells = {gain: [cell.strip() for cell in line.split("|")[1:-1]] for gain, line in lines.items()}
    assert cells[0.1][:3] == ["usefulness", "mlp", "12"]
    assert float(cells[0.1][3]) == pytest.approx(0.1, abs=0.02)
    assert float(cells[0.1][3]) > float(cells[0.1][4])
    assert float(cells[0.1][5]) < 0.01
    assert float(cells[0.0][5]) > 0.05


def test_arms_are_averaged_over_all_trials():
    lines = arm_table(as_frame(records(0.1))).splitlines()
    assert [line.split("|")[1:3] for line in lines[2:]] == [[" mlp ", " 12 "], [" pre-trained ", " 12 "]]
    assert pd.Series(lines).str.count(r"\|").nunique() == 1
