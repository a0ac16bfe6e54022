"""Quiet unless asked: levels of ``verbose``, records for whoever listens, and no file anywhere."""

from __future__ import annotations

import logging
import sys

from tabdiff_lora import TabularDiffusionSynthesizer, evaluate
from tabdiff_lora.logs import shown_log
from tests.tables import gaussian_table


def fit_and_sample(verbose):
    synth = TabularDiffusionSynthesizer(max_epochs=2, n_sampling_steps=2, random_state=0, verbose=verbose)
    return synth.fit(gaussian_table(200)).sample(3)


def test_nothing_is_written_unless_asked(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = fit_and_sample(0)
    evaluate(gaussian_table(60), rows, metrics=["margins"])
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_a_bar_is_shown_at_1_and_the_losses_at_2(capfd):
    fit_and_sample(1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "fit: 100%" in err
    assert "parameters to train" not in err
    fit_and_sample(2)
    out, err = capfd.readouterr()
    assert out == ""
    assert "fit: 100%" in err
    assert "fitting 200 rows of 3 columns: " in err
    assert "of held-out rows" in err


def test_the_logger_is_told_in_any_case(caplog):
    with caplog.at_level(logging.INFO, "tabdiff_lora"):
        fit_and_sample(0)
    messages = [record.getMessage() for record in caplog.records if record.name == "tabdiff_lora.synthesizer"]
    assert len(messages) == 2
    assert messages[1] == "4 steps: budget used up, weights of step 4"


def test_the_logger_gets_its_settings_back(capsys):
    package = logging.getLogger("tabdiff_lora")
    before = package.level, list(package.handlers)
    with shown_log(logging.INFO):
        package.info("shown")
        package.debug("hidden")
    package.warning("to nobody")
    assert (package.level, package.handlers) == before
    assert capsys.readouterr().err == "shown\n"


def test_without_a_progress_bar_there_is_no_need_for_one(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "tqdm", raising=False)
    with shown_log(logging.INFO):
        logging.getLogger("tabdiff_lora.cli").info("shown")
    assert capsys.readouterr().err == "shown\n"


def test_a_bar_counts_rows(capfd, monkeypatch):
    synth = TabularDiffusionSynthesizer(max_epochs=0, n_sampling_steps=2, random_state=0).fit(gaussian_table(60))
    monkeypatch.setattr("tabdiff_lora.drawing.blocks.PATIENCE", 0)
    for verbose, shown in {0: False, 1: True}.items():
        synth.set_params(verbose=verbose).sample(5)
        assert ("sample: 100%" in capfd.readouterr().err) == shown
