"""The model card says what was learned and what it reveals, and shows no value of the table."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pandas as pd

from tabdiff_lora.evaluation.findings import Finding
from tabdiff_lora.persistence.card import model_card, plain
from tests.persistence.saved import fitted, quick
from tests.tables import mixed_table


def test_it_names_the_columns_and_shows_no_value():
    table, card = mixed_table(60), model_card(fitted())
    for name in table.columns:
        assert f"\n| {plain(name)} |" in card
    for value in ["Oslo", "Rome", "Lima", "XL", "young", str(table["income"].max()), str(table["age"].max())]:
        assert value not in card


def test_it_speaks_of_privacy_in_plain_words():
    card = model_card(fitted())
    assert "not anonymous by being synthetic" in card
    assert "Nothing here is differentially private" in card
    assert "every category, rare ones too" in card


def test_it_shows_the_scores_that_it_is_given():
    finding = Finding("Can a classifier tell?", "poor", "Its AUC is 0.9 | 0.5 for real rows.")
    card = model_card(fitted(), SimpleNamespace(summary=lambda: (finding,)))
    assert r"- **Can a classifier tell?** Its AUC is 0.9 \| 0.5 for real rows. (clearly worse)" in card
    assert "None were given" not in card and "None were given" in model_card(fitted())


def test_hostile_labels_stay_inside_their_cell():
    label = "a|b\n# <script>x</script> [link](http://x) `code`"
    card = model_card(quick().fit(pd.DataFrame({label: [1.5, 2.5, 3.5], "c": list("xyx")})))
    row = next(line for line in card.splitlines() if "script" in line)
    assert len(re.findall(r"(?<!\\)\|", row)) == 6
    assert "<script>" not in row.replace("\\<", "") and not re.search(r"(?<!\\)`", row)


def test_its_head_is_metadata():
    head = model_card(fitted()).split("---\n")[1]
    assert head == "library_name: tabdiff-lora\ntags:\n- tabular\n- synthetic-data\n- diffusion\n"
