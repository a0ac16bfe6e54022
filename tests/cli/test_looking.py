"""explore, inspect, info: what a table, a model and this machine are."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tests.tables import gaussian_table


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "t.csv"
    gaussian_table(60).to_csv(path, index=False)
    return path


def test_explore_summarises_a_table_and_draws_it(run, csv, tmp_path):
    code, out, err = run("explore", csv, "--target", "label", "--html", "t.html")
    assert (code, err) == (0, "")
    assert out.startswith("60 rows\n")
    assert [line.split()[0] for line in out.splitlines()[2:]] == ["a", "b", "label"]
    assert "boxes" in (tmp_path / "t.html").read_text(encoding="utf-8").lower()
    code, _, err = run("explore", csv, "--target", "colour")
    assert (code, err) == (1, "error: target must be one of the columns ['a', 'b', 'label']. Got 'colour' instead.\n")
    assert run("explore", csv, "--html", "absent/t.html")[0] == 1


def test_inspect_says_how_a_table_would_be_seen(run, csv):
    code, out, _ = run("inspect", csv, "--types", "label=ordinal")
    assert code == 0
    assert [line.split() for line in out.splitlines()[::3]] == [
        ["column", "kind", "why", "encoder"],
        ["label", "ordinal", "declared", "in", "types", "OrdinalEncoder"],
    ]


def test_inspect_says_how_a_model_sees_its_table_and_was_fitted(run, tmp_path):
    synth = TabularDiffusionSynthesizer(max_epochs=2, random_state=7).fit(gaussian_table(60))
    synth.save_pretrained(tmp_path / "model")
    code, out, _ = run("inspect", tmp_path / "model")
    assert code == 0
    assert str(synth.schema_) in out
    assert re.search(rf"^network +MLPBackbone, {synth.n_parameters_:,} parameters", out, flags=re.MULTILINE)
    assert re.search(r"^ended +budget used up$", out, flags=re.MULTILINE)
    assert re.search(r"^random_state +7$", out, flags=re.MULTILINE)
    assert set(synth.get_params(deep=False)) <= {line.split()[0] for line in out.splitlines() if line}


def test_info_says_what_a_report_of_a_fault_should_contain(run):
    code, out, err = run("info")
    facts = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert (code, err) == (0, "")
    assert facts["torch"] == version("torch")
    assert {"device", "precision", "threads", "python", "system", "tabdiff-lora"} <= set(facts)
