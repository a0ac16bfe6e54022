"""Values drawn ahead of their rows: the law is that of whole rows which happen to obey, and nothing is drawn twice."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch

from tabdiff_lora import TabularDiffusionSynthesizer, between, is_present, one_of
from tabdiff_lora.drawing import Request
from tabdiff_lora.drawing.ahead import Ahead
from tabdiff_lora.drawing.given import Given
from tabdiff_lora.randomness import seed_sequence
from tabdiff_lora.table import CategoricalEncoder, TableEncoder
from tests.exact import ExactJointTable
from tests.tables import gaussian_table, mixed_table

JOINT = torch.tensor([[[8.0, 0, 1], [0, 2, 1]], [[1, 1, 0], [4, 0, 9]]]) / 27


class ExactDenoiser(ExactJointTable):
    """An exact network of which rows can be known in part."""

    device = torch.device("cpu")

    def given(self, x_0, known):
        denoiser = copy.copy(self)
        denoiser.process = self.process.given(x_0, known)
        return denoiser


@pytest.mark.parametrize(
    ("known", "rules"),
    [
        ({}, {"c": one_of(["0", "2"])}),
        ({"a": 1}, {"c": one_of(["0", "2"])}),
        ({}, {"b": one_of(["1"]), "c": one_of(["1", "2"])}),
        ({"a": 0}, {"b": one_of(["1"]), "c": one_of(["0", "2"])}),
    ],
)
def test_levels_follow_the_joint_law_of_the_rows_that_obey(known, rules):
    encoder = TableEncoder().fit(pd.DataFrame({"a": list("0101"), "b": list("0110"), "c": list("0120")}))
    n, names = 6_000, ["a", "b", "c"]
    given = Given.nothing(encoder.layout_, n)
    for name, code in known.items():
        given.cat[:, names.index(name)], given.table.cat[:, names.index(name)] = True, code
    ahead = Ahead(encoder, rules, None, is_blank=not known)
    ahead.complete(given, ExactDenoiser(JOINT), torch.Generator().manual_seed(0), np.random.default_rng(0))
    obeys = torch.ones(JOINT.shape)
    for axis, name in enumerate(names):
        allowed = [
            (name not in rules or str(k) in rules[name].values) and known.get(name, k) == k
            for k in range(JOINT.shape[axis])
        ]
        obeys *= torch.tensor(allowed).float().reshape([-1 if i == axis else 1 for i in range(3)])
    drawn = [names.index(name) for name in rules]
    expected = (JOINT * obeys).sum(dim=[axis for axis in range(3) if axis not in drawn]).numpy()
    observed = np.zeros(expected.shape)
    np.add.at(observed, tuple(given.table.cat[:, axis] for axis in drawn), 1 / n)
    assert given.cat[:, drawn].all() and given.cat.sum() == n * (len(known) + len(rules))
    np.testing.assert_allclose(observed, expected / expected.sum(), atol=0.02)


@pytest.fixture(scope="module")
def copula():
    """The untrained network: all laws of its rows are known."""
    return TabularDiffusionSynthesizer(max_epochs=0, n_sampling_steps=20, random_state=0).fit(gaussian_table(3_000))


def test_a_rare_range_is_drawn_at_once_and_the_rest_follows(copula):
    a = gaussian_table(3_000)["a"]
    low, high = a.quantile([0.99, 0.995])
    request = Request.read(copula.encoder_, 1_000, {"a": between(low, high), "label": one_of(["high", "low"])}, None)
    blocks = copula._row_blocks(seed_sequence(0), request)
    drawn = blocks.frame()
    assert blocks.rules.n_drawn == blocks.places.start(3)  # three blocks hold 1,000 rows: none was refused
    assert drawn["a"].between(low, high).all() and drawn["a"].nunique() > 3
    assert drawn["b"].mean() == pytest.approx(3 + 0.8 * drawn["a"].mean(), abs=0.3)


def test_states_beside_a_number_keep_their_shares():
    table = mixed_table(2_000)
    synth = TabularDiffusionSynthesizer(max_epochs=0, n_sampling_steps=10, random_state=0).fit(table)
    drawn = synth.sample(2_000, conditions={"gain": between(0, 200)}, random_state=0)["gain"]
    expected = (table["gain"] == 0).sum() / table["gain"].between(0, 200).sum()
    assert (drawn == 0).mean() == pytest.approx(expected, abs=0.03)
    present = synth.sample(1_000, conditions={"rate": is_present()}, random_state=0)["rate"]
    assert present.mean() == pytest.approx(table["rate"].mean(), abs=0.05)


def test_what_is_not_at_hand_is_left_to_the_rules():
    grouped = [("cities", CategoricalEncoder(min_count=100), ["city"])]  # one level stands for Rome and Lima
    encoder = TableEncoder(grouped).fit(mixed_table())
    rules = {"age": between(30, 40), "score": between(0, 1), "city": one_of(["Rome", "Oslo"]), "note": is_present()}
    names = [[column.name for column in Ahead(encoder, rules, None, is_blank=blank).columns] for blank in (True, False)]
    assert names == [["age", "note"], ["note"]]  # one number, and none beside something known
    assert not Ahead(encoder, {"age": between(30.2, 30.8), "member": is_present()}, None, is_blank=True).columns
    paid = mixed_table(2_000).assign(paid=lambda table: table["income"].where(table["member"], table["score"]))
    encoder = TableEncoder().fit(paid)
    assert "paid" in encoder.equalities_.sources
    assert not Ahead(encoder, {"paid": between(0, 10)}, None, is_blank=True).columns  # the income may hold the value
