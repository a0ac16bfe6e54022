"""The ablation: its variants are parameters, nothing runs twice, those that only draw differently share a fit."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace

import pandas as pd
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.benchmark import ablation
from tabdiff_lora.benchmark.ablation import FACTORS, SAMPLING, Trial, as_frame, curve_table, main, summary_table, trials
from tabdiff_lora.benchmark.runner import Results
from tabdiff_lora.datasets import load_dataset
from tabdiff_lora.table import TableEncoder


def trial(variant: str, factor: str = "") -> Trial:
    return Trial("sign", factor, variant, 0, "1cpu-s", 60)


@pytest.mark.parametrize("factor", FACTORS)
def test_every_variant_changes_what_it_says_to_what_the_estimator_accepts(factor, data_home):
    dataset = load_dataset("sign", data_home)
    plain = trial("default").synthesizer(dataset)
    for variant, changes in FACTORS[factor].items():
        synthesizer = trial(variant, factor).synthesizer(dataset)
        synthesizer._validate_params()
        told, before = synthesizer.get_params(deep=False), plain.get_params(deep=False)
        assert {name for name in told if told[name] != before[name]} == set(changes) - {"plan"}
        limits = (10, None, 512)
        synthesizer.denoiser_ = SimpleNamespace(
            objective="balanced", process=SimpleNamespace(categorical=SimpleNamespace(label=None))
        )
        plan = asdict(synthesizer._plan(*limits))
        assert plan | changes.get("plan", {}) == plan


def test_encodings_are_those_of_the_numbers_of_a_table(data_home):
    dataset = load_dataset("sign", data_home)
    [(_, encoder, columns)] = trial("quantile", "encoding").synthesizer(dataset).encoders
    assert columns == ["x", "y", "count"]
    assert encoder.atoms is None
    fitted = TableEncoder([("numbers", encoder, columns)]).fit(dataset.train).encoders_
    assert fitted["count"].categorical_ == ()
    assert fitted["label"].categorical_ == ("label",)


def test_names_of_variants_are_unique_and_what_draws_differently_shares_the_fit():
    names = [variant for variants in FACTORS.values() for variant in variants]
    assert len(set(names)) == len(names)
    assert trial("8 steps", "steps").shares_the_default_fit
    assert trial("default").shares_the_default_fit
    assert not trial("batches of 512", "batch").shares_the_default_fit
    assert not trial("untrained").shares_the_default_fit
    assert set(TabularDiffusionSynthesizer().get_params()) >= SAMPLING


def test_every_seed_is_finished_before_the_next_begins():
    listed = list(trials(["a", "b"], [0, 1], ["steps"], "1cpu-s", 10))
    assert [t.seed for t in listed] == sorted(t.seed for t in listed)
    assert [(t.table, t.variant) for t in listed[:4]] == [("a", v) for v in ("real", "untrained", "default", "8 steps")]


def test_one_command_runs_everything_once_and_prints_the_tables(data_home, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(ablation, "REFERENCES", ("default",))
    monkeypatch.setattr(ablation, "FACTORS", {"steps": {"3 steps": {"n_sampling_steps": 3}}, "seconds": {"1 s": {}}})
    fits = []
    fit = TabularDiffusionSynthesizer.fit
    monkeypatch.setattr(
        TabularDiffusionSynthesizer, "fit", lambda self, X: fits.append(self) or fit(self.set_params(max_epochs=1), X)
    )
    told = [str(data_home), "--output", str(tmp_path / "out.jsonl"), "--tables", "sign", "--seeds", "0"]
    main([*told, "--max-time", "1cpu-s", "--factors", "steps,seconds", "--n-drawn", "60"])
    printed = capsys.readouterr().out
    assert "| steps | 3 steps | 1 |" in printed and "| 1 s | 0." in printed
    assert len(fits) == 1  # whoever only draws differently shares it
    records = Results(tmp_path / "out.jsonl").records
    assert [r["variant"] for r in records] == ["default", "3 steps", "1 s"]
    assert records[1]["fit"] == records[0]["fit"]
    main([*told, "--max-time", "1cpu-s", "--factors", "steps", "--n-drawn", "60"])
    assert len(records) == len(Results(tmp_path / "out.jsonl").records)
    assert "| steps | 3 steps | 1 |" in capsys.readouterr().out


def test_unknown_factor_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["data", "--output", "out", "--factors", "colour"])
    assert "factors must be among prior" in capsys.readouterr().err


def record(variant, auc, seed=0, factor="batch"):
    scores = {"detection_auc": auc, "shape_error": 0.01, "usefulness": 0.7}
    cost = {"cpu_seconds": 1.0}
    about = {"table": "t", "factor": factor, "variant": variant, "seed": seed, "max_time": "60cpu-s"}
    return {**about, "scores": scores, "fit": cost, "sample": cost, "n_steps": 5}


def test_differences_are_paired_by_seed_and_curves_are_medians():
    records = [record("default", 0.6, 0, ""), record("default", 0.7, 1, ""), record("large", 0.55, 0)]
    records += [record("30 s", auc, seed, "seconds") for seed, auc in enumerate((0.9, 0.6, 0.7))]
    frame = as_frame(records)
    assert "| batch | large | 1 | -0.0500 | +0.0000 | +0.0000 |" in summary_table(frame)
    assert curve_table(frame).splitlines()[-1] == "| 30 s | 0.700 |"
    assert isinstance(frame, pd.DataFrame)
