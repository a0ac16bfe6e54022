"""A folder with a language model holds what was trained and the name of the rest."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from safetensors.torch import load as arrays_of

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.backbones import LanguageModelBackbone
from tabdiff_lora.errors import ModelLoadingError, PersistenceError
from tests.backbones.language_models import tiny_model, tiny_tokenizer
from tests.persistence.saved import assert_twins, sealed
from tests.tables import gaussian_table

TABLE = gaussian_table(40)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The folder of a tiny language model."""
    return saved_model(tmp_path_factory.mktemp("models") / "bert")


def saved_model(folder, seed=0):
    tiny_model("bert", seed).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def fitted(*args, **parameters):
    backbone = LanguageModelBackbone(*args, **parameters)
    synth = TabularDiffusionSynthesizer(backbone, max_epochs=2, n_sampling_steps=3, random_state=0)
    return synth.fit(TABLE)


def load(folder, **options):
    return TabularDiffusionSynthesizer.from_pretrained(folder, **options)


def config(name, **parameters):
    import peft

    return getattr(peft, name)(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        lambda: {},
        lambda: {"rank": "layers", "lora_targets": "all"},
        lambda: {"tokens": "row"},
        lambda: {"words": "shuffled", "n_layers": 1, "rank": 3},
        lambda: {"adapter": None},
        lambda: {"adapter": None, "freeze": False},
        lambda: {"pretrained": False, "words": "random"},
        lambda: {"adapter": config("LoraConfig", r=4, init_lora_weights="pissa")},
        lambda: {"adapter": config("LoraConfig", r=4, use_dora=True, target_modules=["query", "value"])},
        lambda: {"adapter": config("VBLoRAConfig", r=4, num_vectors=8, vector_length=16)},
        lambda: {"adapter": config("LoHaConfig", r=4)},
        lambda: {"adapter": config("FourierFTConfig", n_frequency=10)},
    ],
    ids=["lora", "layers", "row", "shuffled", "frozen", "full", "random", "pissa", "dora", "vblora", "loha", "fourier"],
)
def test_the_same_rows_for_the_same_seed_and_training_goes_on(parameters, bert, tmp_path):
    synth = fitted(str(bert), **parameters())
    synth.save_pretrained(tmp_path)
    copy = load(tmp_path)
    assert_twins(copy, synth)
    assert copy.n_trainable_parameters_ == sum(p.numel() for p in copy.module_.parameters() if p.requires_grad)
    rows = [one.partial_fit(TABLE).sample(5) for one in (synth, copy)]
    pd.testing.assert_frame_equal(*rows, check_exact=True)


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
@pytest.mark.filterwarnings("ignore")  # bitsandbytes and torch warn each other of deprecations
def test_a_quantised_model_comes_back(quantization, bert, tmp_path):
    pytest.importorskip("bitsandbytes")
    backbone = LanguageModelBackbone(str(bert), quantization=quantization)
    synth = TabularDiffusionSynthesizer(
        backbone, max_epochs=2, n_sampling_steps=3, precision="bfloat16", random_state=0
    )
    synth.fit(TABLE).save_pretrained(tmp_path)
    copy = load(tmp_path)
    assert_twins(copy, synth)
    rows = [one.partial_fit(TABLE).sample(5) for one in (synth, copy)]
    pd.testing.assert_frame_equal(*rows, check_exact=True)
    assert not any("base_layer" in name for name in arrays_of((tmp_path / "network.safetensors").read_bytes()))


@pytest.mark.parametrize("family", ["gpt2", "roberta", "modernbert"])
def test_a_model_in_memory_is_stored_without_its_vocabulary(family, tmp_path):
    model = tiny_model(family)
    synth = fitted(model, tokenizer=tiny_tokenizer(has_mask=family != "gpt2"))
    synth.save_pretrained(tmp_path)
    copy = load(tmp_path)
    assert_twins(copy, synth)
    copy.partial_fit(TABLE)
    with pytest.raises(ModelLoadingError, match=f"Got 'a {type(model).__name__} in memory' instead"):
        copy.fit(TABLE)
    tables = [x for name, x in tensors(tmp_path).items() if "word" in name or "wte" in name]
    assert all(len(table) == 1 for table in tables)


def tensors(folder):
    return arrays_of((folder / "network.safetensors").read_bytes())


def test_a_folder_holds_adapter_heads_and_encoders_only(bert, tmp_path):
    synth = fitted(bert, rank=2)
    synth.save_pretrained(tmp_path)
    saved = tensors(tmp_path)
    assert {name.split(".")[0] for name in saved} == {"body", "head", "time", "tokens"}
    assert all("LayerNorm" in name for name in saved if name.startswith("body."))
    adapter = arrays_of((tmp_path / "adapter" / "adapter_model.safetensors").read_bytes())
    assert all("lora_" in name for name in adapter) and len(adapter) == 2 * 2 * 4  # A and B, layers, projections
    n_saved = sum(array.numel() for array in [*adapter.values(), *saved.values()])
    n_texts = sum(saved[name].numel() for name in saved if name.endswith(("names", "texts")))
    moments = sum(saved[name].numel() for name in saved if ".of_" in name)
    assert n_saved - n_texts - moments - saved["tokens.scale"].numel() == synth.n_trainable_parameters_


def test_peft_reads_the_adapter(bert, tmp_path):
    from peft import PeftModel

    synth = fitted(bert, rank=2)
    synth.save_pretrained(tmp_path)
    model = PeftModel.from_pretrained(tiny_model("bert"), tmp_path / "adapter")
    own = dict(synth.module_.body.model.named_parameters())
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            assert parameter.equal(own[name])


def test_a_model_that_moved_is_found_where_it_is_now(bert, tmp_path):
    synth = fitted(saved_model(tmp_path / "before"))
    synth.save_pretrained(tmp_path / "folder")
    (tmp_path / "before").rename(tmp_path / "after")
    with pytest.raises(ModelLoadingError, match="backbone must be a language model that can be loaded. Got '.*before'"):
        load(tmp_path / "folder")
    assert_twins(load(tmp_path / "folder", base_model=tmp_path / "after", local_files_only=True), synth)


def test_another_model_in_its_place_is_refused(bert, tmp_path):
    fitted(bert).save_pretrained(tmp_path / "folder")
    other = saved_model(tmp_path / "other", seed=1)
    message = (
        "base_model of a saved synthesizer must be the '.*bert' that it was trained around. Got '.*other' with other"
    )
    with pytest.raises(ModelLoadingError, match=message):
        load(tmp_path / "folder", base_model=other)


def test_the_card_names_the_model(bert, tmp_path):
    fitted(bert).save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "Its frozen weights are not in this folder" in card and "bert" in card


@pytest.mark.parametrize("size", [10**6, 10**12])
def test_huge_descriptions_are_refused(size, tmp_path):
    fitted(tiny_model("bert"), tokenizer=tiny_tokenizer()).save_pretrained(tmp_path)
    intact = (tmp_path / "synthesizer.json").read_bytes()
    for change in (
        lambda notes: notes.update(rank=size),
        lambda notes: notes["origin"]["content"]["config"]["content"].update(hidden_size=size),
        lambda notes: notes["origin"]["content"]["config"]["content"].update(num_hidden_layers=size),
        lambda notes: notes["origin"]["content"]["config"]["content"].update(vocab_size=size),
    ):
        content = json.loads(intact)
        change(content["tree"]["content"]["denoiser"]["content"]["notes"]["content"])
        sealed(tmp_path, synthesizer_json=json.dumps(content).encode())
        with pytest.raises(PersistenceError):
            load(tmp_path)


def test_an_adapter_of_another_shape_is_refused(bert, tmp_path):
    fitted(bert, rank=2).save_pretrained(tmp_path / "two")
    fitted(bert, rank=3).save_pretrained(tmp_path / "three")
    manifests = [json.loads((tmp_path / name / "manifest.json").read_bytes()) for name in ("two", "three")]
    name = "adapter/adapter_model.safetensors"
    manifests[0]["files"][name] = manifests[1]["files"][name]
    (tmp_path / "two" / name).write_bytes((tmp_path / "three" / name).read_bytes())
    (tmp_path / "two" / "manifest.json").write_text(json.dumps(manifests[0]), encoding="utf-8")
    with pytest.raises(
        PersistenceError, match=r"shape of adapter weight '.*' must be \[.*2.*\]. Got \[.*3.*\] instead"
    ):
        load(tmp_path / "two")
    del manifests[0]["files"][name]
    (tmp_path / "two" / "manifest.json").write_text(json.dumps(manifests[0]), encoding="utf-8")
    with pytest.raises(PersistenceError, match="there is an adapter in one of backbone and folder only"):
        load(tmp_path / "two")


def test_an_unused_model_parameter_is_no_reason_to_fail(tmp_path):
    synth = TabularDiffusionSynthesizer(tiny_model("bert"), rank=2, max_epochs=1, n_sampling_steps=3)
    with pytest.raises(ModelLoadingError):
        synth.fit(TABLE)  # it does not know its tokenizer
