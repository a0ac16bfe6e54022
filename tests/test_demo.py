"""The main job: a table in, a report out."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.cli import main
from tabdiff_lora.demo import HOLDOUT_SHARE, demonstrate, example_table, short_table


def test_the_example_has_every_common_kind_of_column():
    table = example_table()
    assert table.shape == (442, 11)
    kinds = {str(dtype) for dtype in table.dtypes}
    assert {"int64", "float64", "category"} <= kinds
    assert set(table["sex"]) == {"female", "male"}
    assert set(table["progression"]) == {"mild", "moderate", "severe"}
    assert table["progression"].value_counts().min() > 140
    assert not table.isna().any().any()


@pytest.fixture(scope="module")
def demonstration():
    """Run the demo on a few rows of the example."""
    return demonstrate(example_table().head(240), target="progression", max_time=1, random_state=0)


def test_as_many_rows_are_drawn_as_were_fitted(demonstration):
    synthetic, _ = demonstration
    assert len(synthetic) == 240 * (1 - HOLDOUT_SHARE)
    assert synthetic.dtypes.equals(example_table().dtypes)


def test_the_short_table_has_ceiling_and_floor(demonstration):
    lines = short_table(demonstration[1]).splitlines()
    assert lines[0].split() == ["synthetic", "ceiling", "floor"]
    assert len(lines) == 6
    assert all(re.search(r"( +\d\.\d{3}){3}$", line) for line in lines[1:])


def test_a_target_that_is_no_column_is_refused_before_the_fit():
    with pytest.raises(ValueError, match=r"target must be a column of the table \(age, .*\)\. Got 'colour' instead"):
        demonstrate(example_table(), target="colour")


def test_a_file_of_ones_own_becomes_one_page_that_needs_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"price": rng.gamma(2, 10, 90).round(2), "rooms": rng.integers(1, 6, 90)})
    table["town"] = rng.choice(["Oslo", "Rome"], 90)
    table.loc[::9, "price"] = np.nan
    table.to_csv("houses.csv", index=False)
    with pytest.raises(SystemExit) as leaving:
        main(["demo", "--table", "houses.csv", "--max-time", "1s", "--output", "houses.html"])
    assert leaving.value.code == 0
    out, err = capsys.readouterr()
    assert "How to read it" in out
    held_out, fitting, fitted, *rest = err.splitlines()
    assert held_out == "23 of 90 rows are held out"
    assert re.fullmatch(r"fitting 67 rows of 3 columns: [\d,]+ of [\d,]+ parameters to train, on \w+ \.\.\.", fitting)
    assert re.fullmatch(r"\d+ steps: budget used up, weights of step \d+", fitted)
    assert rest == ["drawing 67 rows ...", "judging them ..."]
    page = (tmp_path / "houses.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["houses.csv", "houses.html"]
