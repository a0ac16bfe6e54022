"""fit(df).sample(n), as a user meets it."""

import copy
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.diffusion import (
    CosineSchedule,
    DiffusionSpec,
    DiscreteCosineSchedule,
    GaussianPerClass,
    MixtureOfGaussians,
    MixturePrior,
    SharedSchedule,
)
from tabdiff_lora.errors import ConditionError, EncodingError, SamplingError, SchemaError
from tabdiff_lora.sampling import HeunSampler
from tabdiff_lora.table.constraints import FixedCombinations, Inequality, Range, Unique
from tests.tables import every_kind, gaussian_table, mixed_table

SMALL = MLPBackbone(d_block=32, n_blocks=1)


def quick(**parameters) -> TabularDiffusionSynthesizer:
    return TabularDiffusionSynthesizer(
        SMALL, **{"max_epochs": 5, "n_sampling_steps": 8, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(mixed_table())


def test_rows_come_back_as_the_table_has_them(fitted):
    table, drawn = mixed_table(), fitted.sample(333)
    assert list(drawn.columns) == list(table.columns) and len(drawn) == 333
    assert (drawn.dtypes == table.dtypes).all()
    assert drawn.index.equals(pd.RangeIndex(333))
    for name in table.select_dtypes("number"):
        assert drawn[name].dropna().between(table[name].min(), table[name].max()).all()
    assert (drawn["income"] == drawn["income"].round(2)).all()
    assert set(drawn["city"]) <= set(table["city"])
    assert drawn["size"].cat.ordered and list(drawn["size"].cat.categories) == ["S", "M", "L", "XL"]
    assert 0.1 < drawn["rate"].isna().mean() < 0.3
    assert not drawn.drop(columns=["rate", "note"]).isna().any().any()


def test_every_kind_of_column_survives():
    table = every_kind()
    drawn = quick(max_epochs=1).fit(table).sample(50)
    assert (drawn.dtypes == table.dtypes).all()


def test_training_teaches_dependence_that_the_copula_cannot_hold():
    """A ring: uncorrelated coordinates at a fixed distance from the centre."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2_000)
    ring = pd.DataFrame({"x": np.cos(angle), "y": np.sin(angle)})
    radius = {
        epochs: np.hypot(
            *quick(max_epochs=epochs, batch_size=256, n_sampling_steps=20).fit(ring).sample(1_000).T.values
        )
        for epochs in (0, 150)
    }
    assert radius[0].std() > 0.2
    assert radius[150].std() < 0.12


def test_untrained_network_is_the_gaussian_copula():
    table = gaussian_table(2_000)
    drawn = quick(max_epochs=0, n_sampling_steps=20).fit(table[["a", "b"]]).sample(4_000)
    assert drawn.corr(method="spearman").iloc[0, 1] == pytest.approx(
        table[["a", "b"]].corr(method="spearman").iloc[0, 1], abs=0.05
    )


def test_same_seed_same_rows_whatever_the_number(fitted):
    few, many = fitted.sample(5, random_state=3), fitted.sample(3_000, random_state=3)
    pd.testing.assert_frame_equal(few, many.head(5))
    assert not fitted.sample(5, random_state=4).equals(few)


def test_fit_and_first_sample_are_repeatable_and_the_second_sample_is_new():
    table = gaussian_table()
    first, second = (quick().fit(table) for _ in range(2))
    rows = first.sample(10)
    pd.testing.assert_frame_equal(rows, second.sample(10))
    assert not first.sample(10).equals(rows)


def test_global_generators_are_not_touched():
    np.random.seed(0), torch.manual_seed(0)
    expected = np.random.rand(), torch.rand(1)
    np.random.seed(0), torch.manual_seed(0)
    threads = torch.get_num_threads()
    quick(max_epochs=1).fit(gaussian_table()).sample(3)
    assert np.random.rand() == expected[0] and torch.rand(1) == expected[1]
    assert torch.get_num_threads() == threads


def test_the_callers_table_is_never_changed(fitted):
    table = mixed_table()
    before = table.copy(deep=True)
    quick(max_epochs=1).fit(table)
    pd.testing.assert_frame_equal(table, before)


def test_y_is_modelled_jointly_under_its_name():
    table = gaussian_table()
    X, y = table[["a", "b"]], table["label"]
    assert list(quick().fit(X, y).sample(3).columns) == ["a", "b", "label"]
    assert list(quick().fit(X, y.to_numpy()).sample(3).columns) == ["a", "b", "target"]
    shuffled = y.set_axis(y.index[::-1])  # rows belong together by position, as everywhere in scikit-learn
    pd.testing.assert_frame_equal(quick().fit(X, shuffled).sample(5), quick().fit(X, y).sample(5))


def test_arrays_and_polars_frames_come_back_as_they_went_in():
    X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    drawn = quick().fit(X, np.arange(60)).sample(4)
    assert isinstance(drawn, np.ndarray) and drawn.shape == (4, 4)
    frame = pl.DataFrame({"a": [1.5, 2.5, 3.5] * 20, "b": ["x", "y", None] * 20})
    drawn = quick(max_epochs=1).fit(frame.select("a"), frame["b"]).sample(4)
    assert isinstance(drawn, pl.DataFrame) and drawn.schema == frame.schema


def test_history_and_fitted_attributes(fitted):
    assert list(fitted.history_.columns) == ["step", "epoch", "seconds", "train_loss", "validation_loss"]
    assert fitted.history_["step"].is_monotonic_increasing and fitted.history_["step"].iloc[-1] == fitted.n_iter_
    assert fitted.best_iter_ in fitted.history_["step"].to_numpy()
    assert fitted.n_parameters_ == fitted.n_trainable_parameters_ == sum(p.numel() for p in fitted.module_.parameters())
    assert fitted.n_features_in_ == 10 and list(fitted.feature_names_in_) == list(mixed_table().columns)


def test_sampler_may_be_changed_after_fit(fitted):
    other = copy.deepcopy(fitted).set_params(sampler=HeunSampler(6, unmasking="independent"))
    assert not other.sample(20, random_state=0).equals(fitted.sample(20, random_state=0))
    for name in ("ddim", "ancestral", "heun", "dpmpp"):
        assert len(other.set_params(sampler=name, n_sampling_steps=4).sample(2)) == 2


def test_parameters_survive_clone_and_reach_the_backbone():
    synth = clone(quick()).set_params(backbone__d_block=48)
    synth.fit(gaussian_table(60))
    assert synth.module_.head.weight.shape[1] == 48
    assert SMALL.d_block == 32


def test_time_budget_given_as_text():
    synth = quick(max_epochs=None, max_time="1s").fit(gaussian_table())
    assert synth.fit_time_ < 10 and synth.stop_reason_


def test_verbose_shows_a_bar_on_standard_error_and_silence_is_the_default(capsys):
    quick(max_epochs=1).fit(gaussian_table(60)).sample(1)
    assert capsys.readouterr() == ("", "")
    quick(max_epochs=1, verbose=1).fit(gaussian_table(60))
    out, err = capsys.readouterr()
    assert out == "" and "held-out loss" in err


@pytest.mark.parametrize("n", [0, 1, 2_049])
def test_exactly_n_rows(fitted, n):
    assert len(fitted.sample(n)) == n
    assert (fitted.sample(n).dtypes == mixed_table().dtypes).all()


def test_every_drawn_row_keeps_the_constraints():
    rng = np.random.default_rng(0)
    start, city = rng.integers(0, 50, 400), rng.integers(0, 4, 400)
    table = pd.DataFrame(
        {"start": start, "end": start + rng.integers(0, 20, 400), "city": city, "country": city // 2, "age": start * 2}
    ).astype({"city": str, "country": str})
    rules = [Inequality("start", "end"), FixedCombinations(["city", "country"]), Range("age", 0, 98)]
    drawn = quick(constraints=rules, max_epochs=2).fit(table).sample(1_000)
    assert (drawn["start"] <= drawn["end"]).all()
    assert (drawn["city"].astype(int) // 2 == drawn["country"].astype(int)).all()
    assert drawn["age"].between(0, 98).all()
    assert (drawn.dtypes == table.dtypes).all()


def test_rows_that_repeat_are_redrawn_until_they_cannot_be():
    pairs = pd.DataFrame([(a, b) for a in "abcdefgh" for b in "uvwxyz"], columns=["row", "seat"])
    synth = quick(constraints=[Unique(["row", "seat"])], max_epochs=1).fit(pairs)
    drawn = synth.sample(40)
    assert len(drawn) == 40
    assert not drawn.duplicated().any()
    with pytest.raises(
        SamplingError, match=r"must meet Unique\(.*\), which [\d,]+ of [\d,]+ drawn rows did. Ask for fewer rows"
    ) as error:
        synth.sample(49)
    assert not error.value.partial.duplicated().any()


BASE = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "y"]})


@pytest.mark.parametrize(
    "table", [BASE.iloc[:1], BASE[["a"]], BASE[["b"]], BASE.assign(n=np.nan), BASE.assign(c=5)],
    ids=["one row", "one number", "one text", "all null", "constant"],
)  # fmt: skip
def test_degenerate_tables_work(table):
    drawn = quick().fit(table).sample(7)
    assert len(drawn) == 7 and (drawn.dtypes == table.dtypes).all()
    if "n" in table:
        assert drawn["n"].isna().all()
    if "c" in table:
        assert (drawn["c"] == 5).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame(), "columns of the table must be at least one"),
        (BASE.iloc[:0], "rows of the table must be at least one"),
        (BASE.assign(a=[1, np.inf, 2, 3]), r"column 'a' must be finite. Got inf \(row 1\)"),
        (pd.concat([BASE, BASE[["a"]]], axis=1), "name of column 'a' must be unique"),
        (BASE.assign(m=["u", 1, 2.5, None]), "column 'm' must be of one type .* Convert the column"),
        (BASE.assign(z=[1j, 2, 3, 4]), "column 'z' must be real numbers"),
    ],
    ids=["empty", "zero rows", "infinite", "duplicate names", "mixed types", "complex"],
)
def test_bad_tables_are_refused_by_column_value_and_cure(table, message):
    with pytest.raises(SchemaError, match=message):
        quick().fit(table)


def test_all_problems_of_a_table_are_listed_at_once():
    with pytest.raises(SchemaError, match=r"(?s)column 'a' must be finite.*column 'm' must be of one type"):
        quick().fit(BASE.assign(a=[1, np.inf, 2, 3], m=["u", 1, 2.5, None]))


@pytest.mark.parametrize("n", [-1, 2.5, "3"])
def test_bad_number_of_rows(fitted, n):
    with pytest.raises(ValueError, match="n_samples of sample must be a whole number >= 0. Got"):
        fitted.sample(n)


def test_sample_before_fit():
    with pytest.raises(NotFittedError, match="not fitted yet"):
        quick().sample(1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"backbone": 3.5}, "The 'backbone' parameter .* Got 3.5 instead"),
        ({"max_time": "abc"}, "max_time must be a positive number of seconds"),
        ({"max_epochs": None}, "max_epochs and max_time must not both be None"),
        ({"device": "nowhere"}, "device must be 'auto' or a device of this machine. Got 'nowhere'"),
        ({"validation_fraction": 1.5}, "The 'validation_fraction' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        quick().set_params(**parameters).fit(BASE)


def test_bad_targets():
    with pytest.raises(ValueError, match="name of y must not be a column of X. Got 'a' instead. Rename"):
        quick().fit(BASE, BASE["a"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        quick().fit(BASE, [1, 2, 3])


def test_mlp_needs_neither_transformers_nor_catboost():
    code = (
        "import sys; from tests.test_synthesizer import quick, BASE; quick(max_epochs=1).fit(BASE).sample(1);"
        "print([m for m in ('transformers', 'peft', 'catboost', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_partial_fit_goes_on_with_the_encoding_it_has():
    table = gaussian_table(600)
    synth = quick(max_epochs=3).fit(table.head(300))
    before, steps, encoder = synth.score(table.tail(300)), synth.n_iter_, synth.encoder_
    assert synth.partial_fit(table.tail(300)) is synth and synth.encoder_ is encoder
    assert synth.n_iter_ == 2 * steps and synth.history_["step"].is_monotonic_increasing
    assert synth.score(table.tail(300)) > before
    assert len(quick(max_epochs=1).partial_fit(table).sample(3)) == 3
    with pytest.raises(EncodingError, match="'label' must be among the levels seen in fit. Got 'odd'"):
        synth.partial_fit(table.assign(label="odd"))
    with pytest.raises(ValueError, match="Feature names"):
        synth.partial_fit(table.drop(columns="a"))


def test_warm_start_goes_on_from_the_weights_and_a_plain_fit_does_not():
    table = gaussian_table()
    warm = quick(warm_start=True).fit(table)
    encoder, steps = warm.encoder_, warm.n_iter_
    assert warm.fit(table).encoder_ is encoder and warm.n_iter_ == 2 * steps
    assert warm.set_params(warm_start=False).fit(table).n_iter_ == steps and warm.encoder_ is not encoder


def two_classes(n=400):
    """Two numbers whose law differs between two classes, and an unrelated category."""
    rng = np.random.default_rng(0)
    label = rng.random(n) < 0.3
    x = np.where(label[:, None], rng.normal(-2, 0.5, (n, 2)), rng.normal(1, 1, (n, 2)))
    return pd.DataFrame(x, columns=["a", "b"]).assign(city=rng.choice(list("xyz"), n)), pd.Series(label, name="label")


PRIORS = {
    "gaussian": "gaussian",
    "standard": "standard",
    "class": "class",
    "mixture": "mixture",
    "class of a column": GaussianPerClass("city"),
    "two components": MixtureOfGaussians(2),
}
PROCESSES = {
    "mask": "mask",
    "uniform": "uniform",
    "marginal": "marginal",
    "PriorGrad": DiffusionSpec(CosineSchedule(), noise="prior", prediction="v"),
    "x0": DiffusionSpec(CosineSchedule(), prediction="x0"),
    "label first": DiffusionSpec(label=True),
    "TabDDPM": DiffusionSpec(
        DiscreteCosineSchedule(20),
        categories="uniform",
        keep=SharedSchedule(DiscreteCosineSchedule(20)),
        reverse="plug-in",
        label="label",
        prediction="eps",
        loss="elbo",
    ),
}


@pytest.mark.parametrize("prior", PRIORS.values(), ids=PRIORS.keys())
def test_every_prior_draws_fills_and_scores(prior):
    X, y = two_classes()
    synthesizer = quick(prior=prior, max_epochs=2).fit(X, y)
    assert len(synthesizer.sample(50, conditions={"a": X["a"][0]})) == 50
    assert (synthesizer.sample(20, conditions={"label": True})["label"]).all()
    gaps = X.assign(label=y.astype("boolean").mask(np.arange(len(X)) % 2 == 0))
    assert not synthesizer.impute(gaps).isna().any().any()
    assert np.isfinite(synthesizer.score_samples(X, y)).all()


@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES.keys())
def test_every_process_draws_and_scores(process):
    X, y = two_classes()
    synthesizer = quick(process=process, max_epochs=2, sampler="ancestral").fit(X, y)
    drawn = synthesizer.sample(200)
    assert drawn.notna().all().all() and set(drawn["city"]) == set("xyz")
    assert np.isfinite(synthesizer.score_samples(X, y)).all()


def test_an_untrained_fit_with_a_prior_per_class_samples_the_classes():
    X, y = two_classes(2_000)
    drawn = quick(prior="class", max_epochs=0, sampler="dpmpp", n_sampling_steps=40).fit(X, y).sample(2_000)
    for of_class, rows in drawn.groupby("label"):
        real = X[y == of_class]
        assert rows[["a", "b"]].mean().tolist() == pytest.approx(real[["a", "b"]].mean().tolist(), abs=0.15)
    assert drawn["label"].mean() == pytest.approx(y.mean(), abs=0.03)


def test_a_label_drawn_first_keeps_its_share_and_stands_alone():
    X, y = two_classes()
    synthesizer = quick(process=DiffusionSpec(label=True), max_epochs=1).fit(X, y)
    assert synthesizer.sample(2_000)["label"].mean() == pytest.approx(y.mean(), abs=0.04)
    assert synthesizer.sample(20, conditions={"label": True, "city": "x"})["label"].all()
    with pytest.raises(ConditionError, match=r"what is known must include the label 'label', which .* Got other"):
        synthesizer.sample(20, conditions={"city": "x"})


def test_a_target_of_numbers_is_no_label():
    X, _ = two_classes()
    synthesizer = quick(process=DiffusionSpec(label=True), max_epochs=0).fit(X[["city", "a"]], X["b"])
    assert synthesizer.denoiser_.process.categorical.label is None


def test_a_prior_per_class_needs_a_column_of_levels():
    X, _ = two_classes()
    with pytest.raises(
        ValueError, match=r"prior of classes must have a target\. Got y=None instead\. Call fit\(X, y\)"
    ):
        quick(prior="class").fit(X)
    with pytest.raises(SchemaError, match=r"label of prior must be a column of levels\. Got 'b' instead"):
        quick(prior="class").fit(X[["city", "a"]], X["b"])


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (DiffusionSpec(categories="none"), r"categories of DiffusionSpec must be one of mask, uniform, marginal\. Got"),
        (DiffusionSpec(noise="white"), r"noise of DiffusionSpec must be one of identity, prior\. Got 'white'"),
        (DiffusionSpec(reverse="back"), r"reverse of DiffusionSpec must be one of mixture, plug-in\. Got 'back'"),
        (
            DiffusionSpec(prediction="F"),
            r"prediction of a diffusion must be one of preconditioned, eps, x0, v\. Got 'F'",
        ),
        (DiffusionSpec(loss="mse"), r"loss of a diffusion must be one of balanced, elbo\. Got 'mse'"),
        (DiffusionSpec(loss="elbo"), r"must have discrete times, as DiscreteCosineSchedule has\. Got KarrasSchedule"),
    ],
    ids=lambda value: "" if isinstance(value, str) else repr(value),
)
def test_a_diffusion_that_does_not_exist_is_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        quick(process=spec).fit(two_classes()[0])


def test_a_prior_is_tuned_like_any_parameter():
    synthesizer = quick(prior=MixtureOfGaussians(), max_epochs=0).set_params(prior__n_components=3)
    law = synthesizer.fit(two_classes()[0]).denoiser_.process.numerical.prior
    assert isinstance(law, MixturePrior) and len(law.components) == 3
