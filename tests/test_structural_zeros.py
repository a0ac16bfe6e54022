"""Structural zeros: found where chance would fill them, kept empty by the sampler whatever the network says."""

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.sampling import AncestralSampler, DDIMSampler, DPMSolverSampler, HeunSampler
from tabdiff_lora.sampling.exclusion import Exclusion
from tabdiff_lora.structural_zeros import EXPECTED, ImpossiblePairs, hold_any, rows_with, structural_zeros
from tabdiff_lora.testing import layout_of

CARDINALITIES = (2, 3, 2)


def codes_without(n_rows, *pairs):
    """Independent, uniform columns, without the rows that hold one of the pairs ((column, code), (column, code))."""
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(k, size=n_rows) for k in CARDINALITIES])
    for (column, code), (other, other_code) in pairs:
        codes = codes[(codes[:, column] != code) | (codes[:, other] != other_code)]
    return codes


def test_pairs_are_those_that_chance_would_fill_and_nobody_does():
    codes = codes_without(2_000, ((0, 1), (1, 2)), ((1, 0), (2, 0)))
    np.testing.assert_array_equal(structural_zeros(codes, CARDINALITIES), [[1, 4], [2, 5]])


def test_rows_are_looked_at_in_parts(monkeypatch):
    codes, pairs = codes_without(2_000, ((0, 1), (1, 2))), np.array([[0, 3], [2, 6], [1, 4]])

    def looked_at() -> list[np.ndarray]:
        of_pairs = [f(pairs, codes, CARDINALITIES) for f in (rows_with, hold_any)]
        return [structural_zeros(codes, CARDINALITIES), *of_pairs]

    whole = looked_at()
    monkeypatch.setattr("tabdiff_lora.structural_zeros.CHUNK", 123)
    for one, other in zip(whole, looked_at(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rare_levels_say_nothing():
    """Of two levels in 25 and in half of 50 rows each, chance puts 12 together."""
    codes = codes_without(60, ((0, 1), (1, 2)))
    assert len(codes) < 4 * EXPECTED and structural_zeros(codes, CARDINALITIES).shape == (0, 2)
    assert structural_zeros(codes[:0], CARDINALITIES).shape == (0, 2)
    assert structural_zeros(np.empty((9, 0), dtype=int), ()).shape == (0, 2)


def test_levels_of_one_column_are_no_pair():
    codes = np.repeat([[0, 0, 0], [1, 1, 1]], 500, axis=0)
    pairs = structural_zeros(codes, CARDINALITIES)
    columns = np.repeat([0, 1, 2], CARDINALITIES)[pairs]
    assert len(pairs) == 6 and (columns[:, 0] < columns[:, 1]).all()


def test_rows_are_counted_by_what_they_hold():
    codes, pairs = np.array([[0, 2, 1], [0, 2, 0], [1, 0, 1], [1, 1, 0]]), np.array([[0, 4], [1, 6], [0, 5]])
    np.testing.assert_array_equal(rows_with(pairs, codes, CARDINALITIES), [2, 1, 1])
    np.testing.assert_array_equal(hold_any(pairs, codes, CARDINALITIES), [True, True, True, False])
    np.testing.assert_array_equal(hold_any(pairs[:0], codes, CARDINALITIES), [False] * 4)


def test_numbers_that_many_rows_share_are_levels():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.choice([0.5, 7.0, np.nan], 900), rng.normal(size=900), rng.integers(0, 2, 900)])
    x[:3, 0] = [1.25, 1.5, np.inf]
    x = x[~(np.isnan(x[:, 0]) & (x[:, 2] == 1))]
    pairs = ImpossiblePairs.of(x)
    assert [list(values) for values in pairs.values] == [[0.5, 7.0], [], [0.0, 1.0]]
    codes = pairs.codes(np.array([[0.5, 3.0, 0.0], [9.0, np.nan, 1.0], [np.nan, 0.0, 2.0], [np.inf, 0.0, 1.0]]))
    np.testing.assert_array_equal(codes, [[0, 0, 0], [2, 1, 1], [3, 0, 2], [2, 0, 1]])
    np.testing.assert_array_equal(pairs.pairs, [[3, 7]])  # missing, and 1
    rows = np.array([[np.nan, 0.0, 1.0], [np.nan, 0.0, 0.0], [0.5, 0.0, 1.0]])
    np.testing.assert_array_equal(pairs.held_by(rows), [True, False, False])
    np.testing.assert_array_equal(pairs.counts(rows), [1])


def test_what_a_row_shows_rules_out_what_it_does_not_show_yet():
    exclusion = Exclusion(torch.tensor([[1, 4], [2, 5]]), layout_of(0, *CARDINALITIES))
    mask = [2, 3, 2]
    shown = torch.tensor([mask, [1, 3, 2], [2, 3, 0], [1, 0, 2], [1, 2, 0]])
    logits = exclusion.apply(torch.zeros(len(shown), 7), shown)
    expected = torch.zeros(5, 7)
    expected[1, 4] = expected[2, 2] = -30
    expected[3, [4, 5]] = expected[4, [1, 4, 2]] = -30
    torch.testing.assert_close(logits, expected)


def table(n_rows=4_000):
    codes = codes_without(n_rows, ((0, 1), (1, 2)))
    frame = pd.DataFrame(codes, columns=["sex", "relation", "urban"]).astype(str)
    return frame.assign(income=np.random.default_rng(1).normal(size=len(frame)))


@pytest.fixture(scope="module")
def untrained():
    """A network that knows nothing of pairs: columns are drawn independently."""
    return TabularDiffusionSynthesizer(max_steps=0, random_state=0).fit(table())


def impossible(frame):
    return float(((frame["sex"] == "1") & (frame["relation"] == "2")).mean())


@pytest.mark.parametrize("sampler", [DPMSolverSampler, HeunSampler, DDIMSampler, AncestralSampler])
def test_no_sampler_draws_them_and_margins_stay(untrained, sampler):
    free = untrained.set_params(sampler=sampler(unmasking=1, exclude=False)).sample(2_000, random_state=0)
    kept = untrained.set_params(sampler=sampler(unmasking=1)).sample(2_000, random_state=0)
    assert impossible(free) > 0.05 and impossible(kept) == 0.0
    for name in ("sex", "relation", "urban"):
        shares = [frame[name].value_counts(normalize=True) for frame in (kept, table())]
        assert (shares[0] - shares[1]).abs().max() < 0.03


def test_conditions_exclude_too(untrained):
    untrained.set_params(sampler="dpmpp")
    assert impossible(untrained.sample(500, conditions={"sex": "1"}, random_state=0)) == 0.0
    asked = untrained.sample(100, conditions={"sex": "1", "relation": "2"}, random_state=0)
    assert impossible(asked) == 1.0  # what is asked for is drawn all the same


def test_rows_that_hold_a_pair_make_it_possible():
    synth = TabularDiffusionSynthesizer(max_steps=0, random_state=0).fit(table())
    assert len(synth.denoiser_.process.zeros) == 1
    synth.partial_fit(table().head(60).assign(sex="1", relation="2"))
    assert len(synth.denoiser_.process.zeros) == 0


def test_saved_networks_know_the_pairs(untrained, tmp_path):
    untrained.set_params(sampler="dpmpp").save_pretrained(tmp_path / "model")
    again = TabularDiffusionSynthesizer.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(again.denoiser_.process.zeros, untrained.denoiser_.process.zeros)
    assert impossible(again.sample(500, random_state=0)) == 0.0
