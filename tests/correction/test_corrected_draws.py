"""A synthesizer that corrects its rows: nearer to the table, and otherwise as before."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer, between
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.correction.pairs import PairTables
from tabdiff_lora.correction.trees import SymmetricTrees
from tabdiff_lora.table.encoders import NumericalEncoder

SMALL = MLPBackbone(d_block=16, n_blocks=1)


def ring(n: int = 3_000, seed: int = 0) -> pd.DataFrame:
    """A ring, a label that knows the half plane, and a hole that a network of no training cannot see."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    x, y = (np.round(f(angle) + rng.normal(0, 0.1, n), 3) for f in (np.cos, np.sin))
    return pd.DataFrame({"x": x, "y": y, "half": np.where(x + rng.normal(0, 0.2, n) > 0, "right", "left")})


def share_in_the_hole(frame: pd.DataFrame) -> float:
    return float((frame.x**2 + frame.y**2 < 0.25).mean())


@pytest.fixture(scope="module")
def fitted() -> TabularDiffusionSynthesizer:
    return TabularDiffusionSynthesizer(SMALL, max_steps=30, n_sampling_steps=4, random_state=0).fit(ring())


def uncorrected(fitted, *args, **kwargs) -> pd.DataFrame:
    fitted.set_params(correction=False)
    try:
        return fitted.sample(*args, **kwargs)
    finally:
        fitted.set_params(correction="auto")


def test_rows_that_are_too_frequent_become_rare(fitted):
    before = share_in_the_hole(uncorrected(fitted, 4_000, random_state=0))
    after = share_in_the_hole(fitted.sample(4_000, random_state=0))
    assert before > 0.05 and after < before / 2


def test_columns_stay_those_of_the_table(fitted):
    drawn, table = fitted.sample(4_000, random_state=0), ring()
    assert abs((drawn.half == "left").mean() - (table.half == "left").mean()) < 0.03
    for name in ("x", "y"):
        assert np.abs(drawn[name].quantile([0.1, 0.5, 0.9]) - table[name].quantile([0.1, 0.5, 0.9])).max() < 0.1


def test_values_that_never_stand_together_make_place():
    """Nobody on the left has the number 7, which a third of the others has."""
    rng, n = np.random.default_rng(0), 3_000
    number, half = np.where(rng.random(n) < 0.3, 7.0, rng.normal(0, 1, n)), rng.choice(["left", "right"], n)
    table = pd.DataFrame({"number": np.where((half == "left") & (number == 7), -7.5, number), "half": half})
    encoders = [("numbers", NumericalEncoder(atoms=None), ["number"])]  # so that 7 is no level of a category
    fitted = TabularDiffusionSynthesizer(SMALL, encoders=encoders, max_steps=2, random_state=0).fit(table)

    def impossible(frame):
        return float(((frame["number"] == 7) & (frame["half"] == "left")).mean())

    assert impossible(uncorrected(fitted, 4_000, random_state=0)) > 0.02
    assert impossible(fitted.sample(4_000, random_state=0)) == 0.0
    assert impossible(fitted.sample(200, conditions={"half": "left", "number": 7.0}, random_state=0)) == 1.0


def test_most_rows_are_those_that_would_have_been_drawn(fitted):
    before, after = uncorrected(fitted, 2_000, random_state=0), fitted.sample(2_000, random_state=0)
    share = 1 - (before == after).all(axis=1).mean()
    assert 0.02 < share < 2 * fitted.density_ratio_.replaced


def test_row_i_depends_on_the_seed_and_i_alone(fitted):
    many = fitted.sample(3_000, random_state=3)
    pd.testing.assert_frame_equal(fitted.sample(40, random_state=3), many.head(40))
    later = fitted.sample(100, first_row=2_500, random_state=3)
    pd.testing.assert_frame_equal(later.reset_index(drop=True), many[2_500:2_600].reset_index(drop=True))


def test_conditions_are_kept_and_conditional_rows_corrected(fitted):
    given = {"half": "left"}
    before = share_in_the_hole(uncorrected(fitted, 2_000, conditions=given, random_state=0))
    drawn = fitted.sample(2_000, conditions=given, random_state=0)
    assert (drawn.half == "left").all() and share_in_the_hole(drawn) < before / 2
    inside = fitted.sample(500, conditions={"x": between(-0.5, 0.5)}, random_state=0)
    assert inside.x.between(-0.5, 0.5).all()


def test_balanced_classes_stay_balanced(fitted):
    balanced = {"half": {"left": 0.8, "right": 0.2}}
    assert (fitted.sample(1_000, class_balance=balanced, random_state=0).half == "left").sum() == 800


def test_cells_that_are_present_stay_and_are_not_corrected(fitted):
    gaps = ring(50).assign(y=np.nan)
    filled = fitted.impute(gaps, random_state=0)
    pd.testing.assert_frame_equal(filled[["x", "half"]], gaps[["x", "half"]])
    assert filled.y.notna().all()


@pytest.mark.parametrize("found", [{}, {"trees": SymmetricTrees.none(), "pairs": PairTables.none()}])
def test_a_folder_keeps_the_correction(fitted, found, tmp_path, monkeypatch):
    monkeypatch.setattr(fitted, "density_ratio_", dataclasses.replace(fitted.density_ratio_, **found))
    fitted.save_pretrained(tmp_path / "ring")
    again = TabularDiffusionSynthesizer.from_pretrained(tmp_path / "ring")
    pd.testing.assert_frame_equal(again.sample(300, random_state=1), fitted.sample(300, random_state=1))


@pytest.mark.parametrize(
    ("parameters", "n_rows"),
    [({"correction": False}, 3_000), ({"max_steps": 0}, 3_000), ({"missing": "never"}, 3_000), ({}, 900)],
)
def test_no_correction_where_it_is_not_wanted_or_not_possible(parameters, n_rows):
    table = ring(n_rows)
    table.loc[::7, "y"] = np.nan
    defaults = {"backbone": SMALL, "max_steps": 3, "n_sampling_steps": 2}
    assert TabularDiffusionSynthesizer(**defaults | parameters).fit(table).density_ratio_ is None


def test_a_time_limit_includes_the_correction():
    synth = TabularDiffusionSynthesizer(SMALL, max_time=4, n_sampling_steps=4, random_state=0).fit(ring())
    assert synth.fit_time_ < 8  # a limit that is missed by the last block or tree, or on a busy machine
    assert synth.history_.seconds.iloc[-1] < 4


def test_verbose_shows_that_rows_are_compared(capsys):
    TabularDiffusionSynthesizer(SMALL, max_steps=3, n_sampling_steps=2, verbose=1).fit(ring(1_000))
    assert "compare" in capsys.readouterr().err


def test_more_spare_rows_than_rows_correct_at_least_as_well(fitted, monkeypatch):
    before = share_in_the_hole(fitted.sample(4_000, random_state=0))
    monkeypatch.setattr(fitted, "density_ratio_", dataclasses.replace(fitted.density_ratio_, spare=2.0))
    drawn = fitted.sample(4_000, random_state=0)
    assert len(drawn) == 4_000 and share_in_the_hole(drawn) <= before + 0.01
