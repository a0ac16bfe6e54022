"""sample(conditions=...), class_balance, impute: what is asked for is there, the rest follows it."""

import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer, between, is_missing, is_present, one_of
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.errors import ConditionError, EncodingError, SamplingError, SchemaError
from tabdiff_lora.table.constraints import FixedCombinations, Inequality, Unique
from tests.tables import every_kind, gaussian_table, mixed_table


def quick(**parameters) -> TabularDiffusionSynthesizer:
    small = MLPBackbone(d_block=32, n_blocks=1)
    return TabularDiffusionSynthesizer(
        small, **{"max_epochs": 3, "n_sampling_steps": 8, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(mixed_table())


def test_every_row_meets_every_condition(fitted):
    rules = {"income": 21.5, "age": between(30, 60), "city": one_of(["Oslo", "Rome"]), "rate": is_missing()}
    drawn = fitted.sample(100, conditions=rules | {"note": is_present()})
    assert len(drawn) == 100 and (drawn.dtypes == mixed_table().dtypes).all()
    assert (drawn["income"] == 21.5).all() and drawn["rate"].isna().all() and drawn["note"].notna().all()
    assert drawn["age"].between(30, 60).all() and drawn["age"].nunique() > 10
    assert set(drawn["city"]) == {"Oslo", "Rome"}


@pytest.mark.parametrize("name", list(every_kind().columns))
def test_every_kind_of_column_can_be_known(name, fitted_to_every_kind):
    table = every_kind()
    value = table[name].dropna().iloc[3]
    drawn = fitted_to_every_kind.sample(3, conditions={name: value})
    assert (drawn[name] == value).all()
    assert drawn[name].dtype == table[name].dtype


@pytest.fixture(scope="module")
def fitted_to_every_kind():
    return quick(max_epochs=1).fit(every_kind())


def test_a_table_of_conditions_has_one_row_per_draw_and_free_cells(fitted):
    asked = pd.DataFrame({"city": ["Rome", None, "Oslo"] * 20, "age": [None, 33, 44.0] * 20})
    drawn = fitted.sample(conditions=asked)
    assert len(drawn) == 60
    for name in asked:
        given = asked[name].notna()
        assert (drawn[name][given] == asked[name][given]).all()
    assert drawn["city"][1::3].nunique() > 1


def test_what_is_not_known_follows_what_is():
    """The untrained network is the Gaussian copula, so E[b | a] is a straight line in their ranks."""
    table = gaussian_table(3_000)[["a", "b"]]
    synth = quick(max_epochs=0, n_sampling_steps=20).fit(table)
    low, high = (synth.sample(600, conditions={"a": a})["b"] for a in table["a"].quantile([0.1, 0.9]))
    slope, spread = 0.8, np.sqrt(2 - 0.8**2)
    assert high.mean() - low.mean() == pytest.approx(slope * 2 * 1.2816, rel=0.1)
    assert low.std() == pytest.approx(spread, rel=0.1)


def test_class_balance_is_exact(fitted):
    drawn = fitted.sample(99, class_balance="city")
    assert drawn["city"].value_counts().tolist() == [33, 33, 33]
    drawn = fitted.sample(50, class_balance={"member": {True: 0.9, False: 0.1}}, conditions={"city": "Oslo"})
    assert drawn["member"].sum() == 45 and (drawn["city"] == "Oslo").all()


def test_conditioned_rows_are_a_function_of_seed_and_number(fitted):
    for request in ({"conditions": {"age": between(30, 40)}}, {"class_balance": "city"}):
        few, many = (fitted.sample(n, random_state=3, **request) for n in (5, 2_500))
        pd.testing.assert_frame_equal(few, many.head(5))
        chunks = list(fitted.iter_samples(2_500, 700, random_state=3, **request))
        assert [len(chunk) for chunk in chunks] == [700, 700, 700, 400]
        pd.testing.assert_frame_equal(pd.concat(chunks), many)


@pytest.mark.parametrize(
    "request_",
    [{}, {"conditions": {"age": between(30, 40), "rate": is_present()}}, {"class_balance": {"city": {"Oslo": 1.0}}}],
    ids=["anything", "rules", "shares"],
)
def test_shards_are_pieces_of_one_table(fitted, request_):
    whole = fitted.sample(2_600, random_state=3, **request_)
    for start, stop in ((0, 7), (5, 2_050), (2_048, 2_600), (2_590, 2_590)):
        shard = fitted.sample(stop - start, first_row=start, random_state=3, **request_)
        pd.testing.assert_frame_equal(shard, whole.iloc[start:stop].reset_index(drop=True))
    chunks = list(fitted.iter_samples(600, 250, first_row=2_000, random_state=3, **request_))
    pd.testing.assert_frame_equal(pd.concat(chunks), whole.iloc[2_000:])


def test_keys_do_not_repeat_from_block_to_block():
    table = pd.DataFrame({"id": [f"A{i:05d}" for i in range(300)], "no": np.arange(300) * 10, "x": np.arange(300) % 7})
    with pytest.warns(UserWarning, match="taken for a key"):
        synth = quick(max_epochs=0, types={"no": "key"}).fit(table)
    few, many = synth.sample(3, random_state=0), synth.sample(4_500, random_state=0)
    assert many["id"].is_unique and many["no"].is_unique and not set(many["id"]) & set(table["id"])
    pd.testing.assert_frame_equal(few, many.head(3))
    shard = synth.sample(500, first_row=4_000, random_state=0)
    pd.testing.assert_frame_equal(shard, many.tail(500).reset_index(drop=True))


def test_rows_that_depend_on_those_before_them_cannot_be_shared_out():
    pairs = pd.DataFrame([(a, b) for a in "abcdefgh" for b in "uvwxyz"], columns=["row", "seat"])
    synth = quick(constraints=[Unique(["row", "seat"])], max_epochs=0).fit(pairs)
    with pytest.raises(ValueError, match="first_row must be 0 where Unique makes rows depend on those before them"):
        synth.sample(3, first_row=4)


def test_constraints_hold_beside_conditions():
    rng = np.random.default_rng(0)
    start, city = rng.integers(0, 50, 400), rng.integers(0, 4, 400)
    table = pd.DataFrame({"start": start, "end": start + rng.integers(0, 20, 400), "city": city, "country": city // 2})
    table = table.astype({"city": str, "country": str})
    synth = quick(constraints=[Inequality("start", "end"), FixedCombinations(["city", "country"])]).fit(table)
    for conditions in ({"start": 30}, {"end": between(20, 40)}, {"city": "1"}, {"city": "1", "country": "0"}):
        drawn = synth.sample(50, conditions=conditions)
        assert (drawn["start"] <= drawn["end"]).all() and (
            drawn["city"].astype(int) // 2 == drawn["country"].astype(int)
        ).all()
        for name, value in conditions.items():
            assert (drawn[name].between(20, 40) if name == "end" else drawn[name] == value).all()
    gaps = table.astype({"start": float, "end": float}).mask(rng.random(table.shape) < 0.3)
    filled = synth.impute(gaps)
    assert (filled["start"] <= filled["end"]).all() and (
        filled["city"].astype(int) // 2 == filled["country"].astype(int)
    ).all()
    pd.testing.assert_frame_equal(filled.where(gaps.notna()), gaps)


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        ({"conditions": {"zip": 3}}, ConditionError, r"conditions must be on columns of the table .* Got 'zip'"),
        ({"conditions": {"city": "Paris"}}, ConditionError, "'city' must be among the levels seen in fit. Got 'Paris'"),
        ({"conditions": {"age": 1e9}}, ConditionError, r"'age' must be inside the seen range and .* Got 1000000000.0"),
        (
            {"conditions": {"age": 30.5}},
            ConditionError,
            "as precise as the seen values. Got 30.5",
        ),
        ({"conditions": {"age": is_missing()}}, ConditionError, "on 'age' must be possible. .* it never has a gap"),
        ({"conditions": {"city": ["Oslo"]}}, ConditionError, r"on 'city' must be one value. .* Use one_of\(\[...\]\)"),
        (
            {"conditions": {"city": None}},
            ConditionError,
            r"on 'city' must be a value. Got None instead. Use is_missing",
        ),
        ({"class_balance": "age"}, ConditionError, "class_balance must name a column of levels. Got 'age'"),
        ({"class_balance": {"city": {"Oslo": 0.7}}}, ConditionError, "shares of class_balance must be >= 0 and sum to"),
        ({"class_balance": {"city": {}, "size": {}}}, ConditionError, "class_balance must name one column. Got"),
        ({"class_balance": "city", "conditions": {"city": "Oslo"}}, ConditionError, "conditions on other columns"),
        (
            {"class_balance": {"city": {"Oslo": 1}}, "conditions": {"city": is_present()}},
            ConditionError,
            "other columns",
        ),
        (
            {"conditions": mixed_table()[["city"]].head(7)},
            ValueError,
            "n_samples must be the rows of conditions, 7. Got 5",
        ),
        (
            {"conditions": mixed_table()[["city"]].head(5), "first_row": 3},
            ConditionError,
            "conditions must be the same for all rows where first_row is not 0. Got a table",
        ),
        ({"first_row": -1}, ValueError, "first_row of sample must be a whole number >= 0. Got -1"),
    ],
)
def test_impossible_requests_are_refused(fitted, request_, error, message):
    with pytest.raises(error, match=message):
        fitted.sample(5, **request_)


def test_a_condition_that_no_row_meets_is_named(fitted):
    rules = {"visits": between(0, 30), "age": between(50.2, 50.8)}
    with pytest.raises(
        SamplingError, match=r"must meet between\(50.2, 50.8\) on 'age', which 0 of [\d,]+ drawn"
    ) as error:
        fitted.sample(5, conditions=rules)
    assert len(error.value.partial) == 0


def test_imputation_keeps_every_present_cell_the_index_and_the_dtypes(fitted):
    table = mixed_table(200, seed=1).astype({"age": float, "member": "boolean"}).set_axis(np.arange(200) * 3 + 7)
    gaps = table.mask(np.random.default_rng(0).random(table.shape) < 0.3)
    before = gaps.copy(deep=True)
    filled = fitted.impute(gaps, random_state=0)
    assert not filled.isna().any().any()
    pd.testing.assert_frame_equal(filled.where(gaps.notna()), gaps)
    pd.testing.assert_frame_equal(gaps, before)
    assert (filled.dtypes == gaps.dtypes).all()
    first, second = fitted.impute(gaps, n_draws=2, random_state=0)
    pd.testing.assert_frame_equal(first.where(gaps.notna()), second.where(gaps.notna()))
    assert not first.equals(second)


def test_imputation_in_any_container_and_of_some_columns(fitted):
    few = mixed_table()[["city", "rate"]].head(40)
    filled = fitted.impute(few)
    assert list(filled.columns) == ["city", "rate"] and filled["rate"].notna().all()
    drawn = fitted.impute(pl.from_pandas(few))
    assert isinstance(drawn, pl.DataFrame) and drawn["rate"].null_count() == 0
    X = np.random.default_rng(0).normal(size=(60, 3))
    X[::4, 1] = np.nan
    filled = quick(max_epochs=1).fit(X).impute(X)
    assert np.isfinite(filled).all() and np.array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])


def test_a_table_without_gaps_comes_back(fitted):
    table = mixed_table()[["age", "city"]]
    pd.testing.assert_frame_equal(fitted.impute(table), table)


@pytest.mark.parametrize(
    ("table", "n_draws", "error", "message"),
    [
        (pd.DataFrame({"zip": [1]}), 1, SchemaError, "columns of X must be those of the fitted table. Got 'zip'"),
        (
            pd.DataFrame({"city": ["Paris", None], "age": [np.nan] * 2}),
            1,
            EncodingError,
            "levels seen in fit. Got 'Paris'",
        ),
        (
            pd.DataFrame({"city": pd.Categorical(["Oslo", None])}),
            1,
            EncodingError,
            "of a dtype with all levels seen in fit. Got",
        ),
        (mixed_table(), 0, ValueError, "n_draws of impute must be a whole number >= 1. Got 0"),
    ],
)
def test_tables_that_cannot_be_imputed_are_refused(fitted, table, n_draws, error, message):
    with pytest.raises(error, match=message):
        [fitted.impute(table, n_draws, random_state=seed) for seed in range(20)]


def test_samples_go_to_files_in_pieces(fitted, tmp_path):
    expected = fitted.sample(2_100, random_state=1)
    for name, read in (("rows.parquet", pd.read_parquet), ("rows.csv.gz", pd.read_csv)):
        fitted.sample_to(tmp_path / name, 2_100, random_state=1)
        back = read(tmp_path / name)
        assert len(back) == 2_100 and (back["age"] == expected["age"]).all()
        fitted.sample_to(tmp_path / f"no {name}", 0)
        assert list(read(tmp_path / f"no {name}").columns) == list(expected.columns)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), expected)
    with pytest.raises(ValueError, match="chunk_size must be a whole number >= 1. Got 0"):
        fitted.iter_samples(5, 0)
    with pytest.raises(ValueError, match="extension of .* must be"):
        fitted.sample_to(tmp_path / "rows.xlsx", 5)
    names = {"rows.csv.gz", "rows.parquet", "no rows.csv.gz", "no rows.parquet"}
    assert {path.name for path in tmp_path.iterdir()} == names


def test_memory_does_not_grow_with_the_number_of_rows(fitted):
    def peak(n: int) -> int:
        tracemalloc.start()
        for _ in fitted.iter_samples(n, 1_000, random_state=0):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1_000)  # what is loaded once
    assert peak(24_000) < 1.5 * peak(6_000)


def test_gaps_that_are_never_drawn_are_no_numbers_either():
    """Half of ``b`` is missing; where ``a`` is high and ``b`` absent, ``b`` must not be learned as noise."""
    table = gaussian_table(1_000)
    table.loc[table.index % 2 == 0, "b"] = np.nan
    synth = quick(missing="never", max_epochs=1).fit(table)
    assert "b state" in synth.encoder_.layout_.categorical
    drawn = synth.sample(500)
    assert drawn.notna().all(axis=None) and synth.sample(5, conditions={"a": between(0, 1)}).notna().all(axis=None)
    with pytest.raises(ConditionError, match="on 'b' must be possible. .* it never has a gap"):
        synth.sample(5, conditions={"b": is_missing()})
