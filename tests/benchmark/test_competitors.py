"""Who takes part: names and literals, and the baselines that learn nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tabdiff_lora.benchmark import COMPETITORS, Competitor
from tabdiff_lora.benchmark.baselines import IndependentColumns, Interpolation, TrainingRows
from tests.benchmark.rows import draw_rows


@pytest.mark.parametrize(
    ("text", "name", "parameters"),
    [
        ("default", "default", {}),
        (" smote(n_neighbors=3) ", "smote", {"n_neighbors": 3}),
        ("default(max_time=5, backbone='mlp', rank=None)", "default", {"max_time": 5, "backbone": "mlp", "rank": None}),
        ("rivals:make(widths=[1, 2])", "rivals:make", {"widths": [1, 2]}),
    ],
)
def test_competitors_are_read_as_they_are_written(text, name, parameters):
    assert Competitor.parse(text) == Competitor(name, parameters)


@pytest.mark.parametrize("text", ["default(", "default(5)", "default(a=b)", "default) or (1", "default(**{'a': 1})"])
def test_competitors_are_names_and_literals_only(text):
    with pytest.raises(
        ValueError, match=r"competitor must be 'name' or 'name\(key=value, \.\.\.\)'|name of a competitor"
    ):
        Competitor.parse(text)


def test_a_competitor_is_called_what_tells_it_from_the_others():
    assert (
        str(Competitor("default", {"max_time": 180.0, "prior": "standard"}))
        == "default(max_time=180, prior='standard')"
    )
    assert str(Competitor("copula").within(180.0)) == "copula"


def test_unknown_competitor_is_told_the_known_ones():
    with pytest.raises(ValueError, match=r"one of default, copula, .* Got 'gan' instead"):
        Competitor.parse("gan")


def test_time_is_given_to_those_who_take_it(factories):
    assert Competitor("rivals:shuffle").within(5.0).parameters == {"max_time": 5.0}
    assert Competitor("rivals:shuffle", {"max_time": 1.0}).within("5cpu-s").parameters == {"max_time": 1.0}
    assert Competitor("default").within("90cpu-s").parameters == {"max_time": "90cpu-s"}
    assert Competitor("independent").within(5.0).parameters == {}


@pytest.mark.parametrize("name", COMPETITORS)
def test_every_shorthand_can_be_built(name):
    synthesizer = Competitor(name).build(3, "a table", "a target")
    assert synthesizer.random_state == 3
    assert callable(synthesizer.fit) and callable(synthesizer.sample)


def test_training_rows_are_drawn_once_each_while_there_are_enough():
    train = draw_rows(50, 0)
    drawn = TrainingRows(random_state=1).fit(train).sample(50)
    pd.testing.assert_frame_equal(drawn.sort_index(), train)
    assert len(TrainingRows().fit(train).sample(70)) == 70


@pytest.mark.parametrize("kind", [TrainingRows, IndependentColumns, Interpolation])
def test_baselines_draw_the_same_rows_from_the_same_seed_only(kind):
    baseline = kind(random_state=4).fit(draw_rows(50, 0))
    pd.testing.assert_frame_equal(baseline.sample(30), baseline.sample(30, random_state=4))
    assert not baseline.sample(30, random_state=5).equals(baseline.sample(30))


@pytest.mark.parametrize("n", [10, 50, 80])
def test_independent_columns_keep_margins_and_nothing_else(n):
    train = draw_rows(50, 0).assign(gap=[None, "a"] * 25, kind=pd.Categorical(["u", "v"] * 25))
    drawn = IndependentColumns(random_state=1).fit(train).sample(n)
    assert drawn.dtypes.equals(train.dtypes)
    assert len(drawn) == n
    assert all(set(drawn[name].dropna()) <= set(train[name].dropna()) for name in train)
    if n == 50:
        assert all(sorted(drawn[name].map(str)) == sorted(train[name].map(str)) for name in train)
        assert abs(np.corrcoef(drawn["x"], drawn["y"])[0, 1]) < 0.5


def test_interpolation_stays_between_neighbours():
    # On a line, every point between two training rows is on the line too.
    x = np.arange(40.0)
    train = pd.DataFrame({"x": x, "y": 2 * x + 1, "n": x.astype("int64"), "c": np.where(x < 20, "low", "high")})
    drawn = Interpolation(n_neighbors=2, random_state=0).fit(train).sample(100)
    np.testing.assert_allclose(drawn["y"], 2 * drawn["x"] + 1)
    assert drawn.dtypes.equals(train.dtypes)
    assert drawn["x"].between(0, 39).all()
    assert drawn.loc[drawn["x"] < 18, "c"].eq("low").all()
    assert (drawn["n"] - drawn["x"]).abs().max() <= 0.5
