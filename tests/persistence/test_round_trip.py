"""A synthesizer from a folder is the one that was saved."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import PowerTransformer

from tabdiff_lora import TabularDiffusionSynthesizer, tabddpm
from tabdiff_lora.backbones import MLPBackbone
from tabdiff_lora.conditions import between
from tabdiff_lora.diffusion import CosineSchedule, DiffusionSpec, MixtureOfGaussians
from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.sampling import DDIMSampler, HeunSampler
from tabdiff_lora.table import FixedCombinations, NumericalEncoder, Range, Unique
from tests.persistence.saved import SMALL, assert_twins, fitted, quick
from tests.tables import every_kind, gaussian_table, mixed_table


def reloaded(synth, folder, **options):
    synth.save_pretrained(folder)
    return TabularDiffusionSynthesizer.from_pretrained(folder, **options)


def keyed(n=60):
    return mixed_table(n).assign(key=lambda t: [f"k{i:04}" for i in t.index], note_2="fixed")


@pytest.mark.parametrize(
    ("parameters", "table"),
    [
        ({}, mixed_table(60)),
        ({"backbone": "mlp", "sampler": "ddim", "prior": "standard", "max_epochs": 0}, gaussian_table(60)),
        ({}, every_kind()),
        ({"sampler": HeunSampler(3), "encoders": [("power", PowerTransformer(), ["a"])]}, gaussian_table(60)),
        ({"encoders": [("gone", "drop", ["city"]), ("n", NumericalEncoder(atoms=None), ["age"])]}, mixed_table(60)),
        ({"constraints": [Range("age", 0), FixedCombinations(["city", "size"]), Unique(["key"])]}, keyed()),
        ({"missing": "regression", "types": {"age": "categorical"}}, mixed_table(60)),
        ({"types": {"key": "text"}, "random_state": np.random.RandomState(3)}, keyed()),
        ({"backbone": MLPBackbone(d_block=16, max_one_hot=2)}, mixed_table(60)),
        ({}, gaussian_table(60)[["label"]]),
        ({}, gaussian_table(60)[["a"]]),
        ({}, pd.DataFrame({"c": [5, 5], "n": [np.nan, np.nan]})),
        ({}, gaussian_table(60)[["a", "b"]].to_numpy(np.float32)),
        ({}, gaussian_table(60).set_axis([0, 1, 2], axis=1)),
    ],
    ids=[
        "mixed", "names", "every kind", "objects", "encoders", "constraints", "regression", "text", "embedded",
        "labels", "numbers", "constants", "array", "odd labels",
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:column .* is taken for a")
def test_the_same_rows_for_the_same_seed(parameters, table, tmp_path):
    synth = quick(**parameters).fit(table)
    assert_twins(reloaded(synth, tmp_path), synth)


TABDDPM = tabddpm((8,), n_times=5, n_steps=2, batch_size=32).get_params(deep=False)


@pytest.mark.parametrize(
    "parameters",
    [
        {"prior": "class"},
        {"prior": MixtureOfGaussians(2)},
        {"process": "marginal", "sampler": "ancestral"},
        {"process": DiffusionSpec(CosineSchedule(), noise="prior", label=True, prediction="v")},
        {name: TABDDPM[name] for name in ("backbone", "prior", "process", "sampler", "max_steps")},
    ],
    ids=["class", "mixture", "marginal", "v", "TabDDPM"],
)
def test_every_diffusion_is_remembered(parameters, tmp_path):
    table = gaussian_table(60)
    synth = quick(**parameters).fit(table[["a", "b"]], table["label"])
    assert_twins(reloaded(synth, tmp_path), synth)


def test_polars_frames_come_back_as_such(tmp_path):
    frame = pl.DataFrame({"a": [1.5, 2.5, 3.5] * 20, "b": ["x", "y", None] * 20})
    copy = reloaded(quick().fit(frame), tmp_path)
    assert copy.sample(4).schema == frame.schema


def test_a_target_is_remembered(tmp_path):
    table = gaussian_table(60)
    synth = quick().fit(table[["a", "b"]], table["label"])
    copy = reloaded(synth, tmp_path)
    assert copy.score(table[["a", "b"]]) == synth.score(table[["a", "b"]])
    assert copy.target_name_ == "label" and list(copy.feature_names_in_) == ["a", "b"]


def test_everything_that_draws_and_judges_does_the_same(tmp_path):
    synth, table = fitted(), mixed_table(20)
    copy = reloaded(synth, tmp_path)
    conditions = {"city": "Rome", "age": between(30, 40)}
    pd.testing.assert_frame_equal(
        copy.sample(20, conditions=conditions, random_state=2), synth.sample(20, conditions=conditions, random_state=2)
    )
    pd.testing.assert_frame_equal(copy.impute(table, random_state=2), synth.impute(table, random_state=2))
    np.testing.assert_array_equal(copy.score_samples(table), synth.score_samples(table))
    assert "<table" in copy._repr_html_inner()


@pytest.mark.parametrize("warm_start", [True, False], ids=["fit", "partial_fit"])
def test_training_goes_on_as_if_nothing_had_happened(warm_start, tmp_path):
    table = gaussian_table(60)
    synth = quick(warm_start=warm_start).fit(table)
    copy = reloaded(synth, tmp_path)
    for one in (synth, copy):
        one.fit(table) if warm_start else one.partial_fit(table)
    assert copy.n_iter_ == 2
    for one in (synth, copy):  # the clock alone tells them apart
        one.history_ = one.history_.drop(columns="seconds")
    assert_twins(copy, synth)


def test_a_copy_of_a_copy_is_the_same_file_by_file(tmp_path):
    copy = reloaded(fitted(), tmp_path / "one")
    copy.save_pretrained(tmp_path / "two")
    for name in ("arrays.safetensors", "network.safetensors", "synthesizer.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_the_device_is_that_of_the_machine_that_loads(tmp_path):
    synth = quick().fit(gaussian_table(60))
    synth.device, synth.device_ = torch.device("cuda", 7), torch.device("cuda", 7)  # as if it came from elsewhere
    copy = reloaded(synth, tmp_path, device="cpu")
    assert copy.device == "cpu" and copy.device_ == torch.device("cpu") == copy.denoiser_.device
    with pytest.raises(ValueError, match="device must be 'auto' or a device of this machine. Got 'nowhere'"):
        TabularDiffusionSynthesizer.from_pretrained(tmp_path, device="nowhere")


def test_a_fresh_process_without_transformers_draws_the_same_rows(tmp_path):
    fitted().save_pretrained(tmp_path)
    code = (
        "import sys; from tabdiff_lora import TabularDiffusionSynthesizer; from tabdiff_lora.backbones import Backbone;"
        f"Backbone.rows_per_block = 32; synth = TabularDiffusionSynthesizer.from_pretrained({str(tmp_path)!r});"
        "synth.sample(20, random_state=5).to_csv(sys.stdout);"
        "heavy = 'transformers', 'peft', 'catboost', 'matplotlib', 'huggingface_hub';"
        "sys.exit(str([name for name in heavy if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"
    assert done.stdout == fitted().sample(20, random_state=5).to_csv()


class SlowSampler(DDIMSampler):
    """A sampler of the user's own."""


class OwnEncoder(NumericalEncoder):
    """An encoder of the user's own."""

    def __init__(self, atoms=None):
        super().__init__(atoms=atoms)


class WideBackbone(MLPBackbone):
    """A backbone of the user's own."""


def test_classes_of_the_user_come_back_when_they_are_handed_over(tmp_path):
    synth = quick(
        backbone=WideBackbone(24, 1),
        sampler=SlowSampler(4),
        encoders=[("own", OwnEncoder(), ["a"])],
        constraints=[Range("b", low=-9)],
    ).fit(gaussian_table(60))
    synth.save_pretrained(tmp_path)
    classes = [WideBackbone, SlowSampler, OwnEncoder]
    assert_twins(TabularDiffusionSynthesizer.from_pretrained(tmp_path, classes=classes), synth)
    with pytest.raises(PersistenceError, match=r"classes=\[OwnEncoder\]"):
        TabularDiffusionSynthesizer.from_pretrained(tmp_path, classes=classes[:2])


def test_a_function_as_parameter_is_refused_with_the_cure(tmp_path):
    synth = quick(encoders=[("all", NumericalEncoder(), lambda frame: ["a"])]).fit(gaussian_table(60))
    with pytest.raises(PersistenceError, match="Pass labels instead of a function"):
        synth.save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_what_is_fitted_is_saved(tmp_path):
    with pytest.raises(NotFittedError):
        quick().save_pretrained(tmp_path)


def test_saving_changes_nothing_and_touches_no_global_generator(tmp_path):
    synth = quick(backbone=SMALL).fit(gaussian_table(60))
    np.random.seed(0), torch.manual_seed(0)
    expected = np.random.rand(), torch.rand(1)
    np.random.seed(0), torch.manual_seed(0)
    before = synth.sample(5, random_state=0)
    reloaded(synth, tmp_path)
    assert (np.random.rand(), torch.rand(1)) == expected
    pd.testing.assert_frame_equal(synth.sample(5, random_state=0), before)
