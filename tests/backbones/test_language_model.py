"""The language-model backbone: what every family promises, what MiniLM adds, and how a user meets it."""

import copy
import logging
import subprocess
import sys
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.assembly import resolve_backbone
from tabdiff_lora.backbones import LanguageModelBackbone
from tabdiff_lora.backbones.body import TransformerBody
from tabdiff_lora.backbones.language_model import typical_inputs
from tabdiff_lora.backbones.pretrained import load_language_model
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import CategoricalDiffusion, GaussianDiffusion, GaussianPrior, TableDiffusion
from tabdiff_lora.errors import MissingDependencyError, ModelLoadingError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.sampling import DPMSolverSampler
from tabdiff_lora.state import Observation
from tabdiff_lora.table.encoded import EncodedTable
from tests.backbones.language_models import FAMILIES, HAVE_NO_MASK, minilm, tiny_model, tiny_tokenizer
from tests.tables import gaussian_table

LAYOUT = TableLayout(
    ("age", "hoursPerWeek"),
    ("member", "city", "size"),
    (("no", "yes"), ("Lima", "Oslo", "Rome"), ("S", "M", "L")),
)


def table(n: int = 40) -> EncodedTable:
    rng = np.random.default_rng(0)
    num = rng.normal(size=(n, 2))
    cat = np.stack([rng.integers(k, size=n) for k in LAYOUT.cardinalities], axis=1)
    cat[:3] = [[0, 0, 0], [1, 1, 1], [1, 2, 2]]  # every level is there
    return EncodedTable(LAYOUT, num, num, cat)


def rows(encoded: EncodedTable) -> Observation:
    return Observation.clean(torch.tensor(encoded.low).float(), torch.tensor(encoded.cat))


def backbone(family: str = "bert", **parameters) -> LanguageModelBackbone:
    tokenizer = tiny_tokenizer(has_mask=family not in HAVE_NO_MASK)
    return LanguageModelBackbone(tiny_model(family), tokenizer=tokenizer, **parameters)


def build(family: str = "bert", seed: int = 0, **parameters):
    torch.manual_seed(seed)
    return backbone(family, **parameters).build(table())


def disturb(network: torch.nn.Module, std: float = 0.2) -> None:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        if parameter.requires_grad:
            parameter.data += std * torch.randn(parameter.shape, generator=generator)


def log_frequencies(encoded: EncodedTable) -> torch.Tensor:
    return torch.tensor(np.log(np.concatenate(encoded.frequencies()))).float()


@pytest.mark.parametrize("tokens", ["column", "row"])
@pytest.mark.parametrize("family", FAMILIES)
def test_untrained_network_says_zero_and_the_log_frequencies(family, tokens):
    encoded = table()
    prediction = build(family, tokens=tokens)(rows(encoded), torch.rand(40))
    assert torch.equal(prediction.num, torch.zeros(40, 2))
    assert torch.allclose(prediction.cat_logits, log_frequencies(encoded).expand(40, -1), atol=1e-5)


@pytest.mark.parametrize("tokens", ["column", "row"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_input_reaches_every_output(family, tokens):
    network = build(family, tokens=tokens)
    disturb(network)
    x, t, known = rows(table()), torch.full((40,), 0.5), torch.zeros(40, 2, dtype=torch.bool)
    base = network(x, t, known)
    changed = {
        "number": network(x._replace(num=x.num + torch.tensor([0.0, 0.5])), t, known),
        "category": network(x._replace(cat=torch.cat([x.cat[:, :2], (x.cat[:, 2:] + 1) % 3], 1)), t, known),
        "mask": network(x._replace(cat=torch.cat([x.cat[:, :2], torch.full((40, 1), 3)], 1)), t, known),
        "time": network(x, t + 0.2, known),
        "known": network(x, t, known | torch.tensor([True, False])),
    }
    for name, prediction in changed.items():
        assert not torch.isclose(prediction.num, base.num, rtol=1e-6, atol=1e-7).all(0).any(), name
        assert not torch.isclose(prediction.cat_logits, base.cat_logits, rtol=1e-6, atol=1e-7).all(0).any(), name


@pytest.mark.parametrize("family", FAMILIES)
def test_body_knows_no_order_of_its_tokens_and_hears_them_all(family):
    body = TransformerBody(load_language_model(tiny_model(family), tokenizer=tiny_tokenizer())[0])
    tokens, order = torch.randn(3, 12, body.d_in), torch.randperm(12)
    hidden = body(tokens).detach()
    assert torch.allclose(body(tokens[:, order]), hidden[:, order], atol=1e-5)
    assert hidden.std(0).mean() > 1e-2  # position 0 would silence BERT
    last, first = tokens.clone(), tokens.clone()
    last[:, -1].neg_()
    first[:, 0].neg_()
    assert (body(last) - hidden)[:, 0].abs().max() > 1e-4  # a decoder looks ahead, and no window cuts the row
    assert (body(first) - hidden)[:, -1].abs().max() > 1e-4


def test_real_body_knows_no_order_and_hears_its_tokens():
    model, _ = load_language_model(minilm(), n_layers=2, local_files_only=True)
    scale = float(model.get_input_embeddings().weight.detach().square().mean().sqrt())
    body = TransformerBody(model)
    tokens, order = scale * torch.randn(4, 9, body.d_in), torch.randperm(9)
    hidden = body(tokens).detach()
    assert torch.allclose(body(tokens[:, order]), hidden[:, order], atol=1e-5)
    assert hidden.std(0).mean() > 0.05


@pytest.mark.parametrize("std", [1e-4, 0.2], ids=["rounded away", "kept"])
def test_reduced_precision_is_merged_only_where_rounding_costs_little(std):
    network = build(train_layer_norms=False)
    x, t = rows(table()), torch.rand(40)
    network(x, t, None, torch.bfloat16)
    disturb(network, std)
    weights = {name: p.clone() for name, p in network.body.named_parameters() if "base_layer.weight" in name}
    unmerged = network(x, t, None, torch.bfloat16)
    with network.merged(), torch.inference_mode():
        inside = {name: network.body.get_parameter(name).clone() for name in weights}
        merged = network(x, t, None, torch.bfloat16)
    is_merged = [not torch.equal(inside[name], weight) for name, weight in weights.items()]
    assert all(is_merged) == any(is_merged) == (std > 0.1)
    assert torch.allclose(merged.num, unmerged.num, atol=0.05 * float(unmerged.num.abs().max()))
    assert all(torch.equal(network.body.get_parameter(name), weight) for name, weight in weights.items())


@pytest.mark.parametrize("family", ["bert", "gpt2", "modernbert"])
def test_merged_network_computes_the_same(family):
    network = build(family)
    disturb(network)
    x, t = rows(table()), torch.rand(40)
    unmerged = network(x, t)
    with network.merged(), torch.inference_mode():
        merged = network(x, t)
    assert torch.allclose(merged.num, unmerged.num, atol=1e-4)
    assert torch.allclose(merged.cat_logits, unmerged.cat_logits, atol=1e-4)


def trainable(network) -> set[str]:
    return {name for name, parameter in network.body.named_parameters() if parameter.requires_grad}


def test_what_trains_is_what_was_asked_for():
    assert all("lora_" in name for name in trainable(build(train_layer_norms=False)))
    assert all("lora_" in name or "LayerNorm" in name for name in trainable(build()))
    assert trainable(build(adapter=None, train_layer_norms=False)) == set()
    whole = build(adapter=None, freeze=False)
    everything = {name for name, _ in whole.body.named_parameters()}
    assert trainable(whole) == {name for name in everything if "word_embeddings" not in name}
    heads = {name for name, p in build().named_parameters() if p.requires_grad and not name.startswith("body.")}
    assert {"head.num_weight", "head.query.weight", "tokens.levels.residual"} <= heads


def test_vocabulary_and_dropout_are_gone():
    network = build()
    assert max(parameter.shape[0] for parameter in network.body.parameters()) < 120
    assert all(module.p == 0 for module in network.modules() if isinstance(module, torch.nn.Dropout))


def test_names_categories_and_mask_are_the_models_own_words():
    network, model, tokenizer = build(), tiny_model("bert"), tiny_tokenizer()
    vocabulary = model.get_input_embeddings().weight.detach()
    letters = [tokenizer.convert_tokens_to_ids(letter) for letter in " age"]
    similarity = torch.nn.functional.cosine_similarity
    assert similarity(network.tokens.names[0], vocabulary[letters].mean(0), dim=0) > 0.999
    assert similarity(network.tokens.levels.mask, vocabulary[tokenizer.mask_token_id], dim=0) > 0.999
    described = build(descriptions={"hoursPerWeek": "age"})
    assert torch.allclose(described.tokens.names[0], described.tokens.names[1])
    blind = build(words="random", descriptions={"hoursPerWeek": "age"})
    assert not torch.allclose(blind.tokens.names[0], blind.tokens.names[1], atol=0.1)


def test_shuffled_words_are_the_same_words_elsewhere():
    own, shuffled = build().tokens, build(words="shuffled").tokens
    order = torch.cdist(shuffled.names, own.names).argmin(1)
    assert sorted(order.tolist()) == list(range(5))
    assert order.tolist() != list(range(5))
    assert torch.allclose(shuffled.names, own.names[order])
    assert not torch.allclose(shuffled.levels.texts, own.levels.texts, atol=0.1)


def test_random_weights_are_another_network_of_the_same_shape():
    pretrained, random = build(), build(pretrained=False)
    shapes = [{name: p.shape for name, p in network.named_parameters()} for network in (pretrained, random)]
    assert shapes[0] == shapes[1]
    name = next(name for name, _ in pretrained.named_parameters() if "intermediate" in name)
    assert not torch.equal(pretrained.get_parameter(name), random.get_parameter(name))


def test_rank_is_read_off_the_table_given_or_chosen_per_layer():
    auto = build()
    assert auto.rank == auto.spectrum.rank == build(rank_energy=0.95).rank
    assert build(rank_energy=0.5).rank < auto.rank <= 32
    assert build(rank=3).rank == 3
    ranks = build(rank="layers", rank_energy=0.8).rank
    assert len(ranks) == 8  # two layers, four matrices
    assert all(1 <= rank <= 32 for rank in ranks.values())
    assert build(adapter=None).rank is None


def test_heads_hear_first_what_differs_from_row_to_row():
    network, heard = build(), {}
    network.head.of_hidden.register_forward_hook(lambda module, inputs, output: heard.update(hidden=output))
    network.head.of_token.register_forward_hook(lambda module, inputs, output: heard.update(token=output))
    torch.manual_seed(1)
    network(*typical_inputs(table()))
    for features in (heard["hidden"].detach(), heard["token"].detach()):  # (B, D + C, d)
        assert features.mean(0).abs().max() < 0.5
        assert float(features.std((0, 1)).mean()) == pytest.approx(1.0, abs=0.2)


def test_order_of_the_columns_does_not_matter():
    numbers, categories = [1, 0], [2, 0, 1]
    encoded = table()
    layout = TableLayout(
        tuple(LAYOUT.numerical[i] for i in numbers),
        tuple(LAYOUT.categorical[i] for i in categories),
        tuple(LAYOUT.categories[i] for i in categories),
    )
    num, cat = encoded.low[:, numbers], encoded.cat[:, categories]
    first, second = build(rank=2), backbone(rank=2).build(EncodedTable(layout, num, num, cat))
    disturb(first)
    levels = [k for i in categories for k in np.split(np.arange(8), np.cumsum(LAYOUT.cardinalities)[:-1])[i]]
    orders = {2: numbers, 3: categories, 5: [*numbers, *(2 + i for i in categories)], 8: levels}
    own = {name for name, _ in first.named_parameters() if name.startswith(("body.", "time."))}
    second.load_state_dict(
        {
            name: tensor if name in own or len(tensor) not in orders else tensor[orders[len(tensor)]]
            for name, tensor in first.state_dict().items()
        }
    )
    x, t = rows(encoded), torch.rand(40)
    one, other = first(x, t), second(Observation.clean(x.num[:, numbers], x.cat[:, categories]), t)
    assert torch.allclose(other.num, one.num[:, numbers], atol=1e-5)
    assert torch.allclose(other.cat_logits, one.cat_logits[:, levels], atol=1e-5)


def test_fewer_layers_and_a_model_in_memory_that_stays_untouched():
    model = tiny_model("qwen2")
    before = {name: p.clone() for name, p in model.named_parameters()}
    network = LanguageModelBackbone(model, tokenizer=tiny_tokenizer(False), n_layers=1).build(table())
    assert len([name for name, _ in network.named_modules() if name.endswith(".self_attn")]) == 1
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert len(before) == len(list(model.named_parameters()))
    assert model.config.num_hidden_layers == 2


def test_bfloat16_keeps_what_trains_in_single_precision():
    network = build()
    disturb(network, 0.05)
    x, t = rows(table()), torch.rand(40)
    exact = network(x, t)
    for _ in range(2):
        rough = network(x, t, None, torch.bfloat16)
    dtypes = {p.requires_grad: p.dtype for p in network.body.parameters()}
    assert dtypes == {True: torch.float32, False: torch.bfloat16}
    assert rough.num.dtype == torch.float32
    assert torch.allclose(rough.num, exact.num, atol=0.1)


def test_table_of_numbers_only_or_categories_only():
    encoded = table()
    numbers = EncodedTable(TableLayout(LAYOUT.numerical, (), ()), encoded.low, encoded.high, encoded.cat[:, :0])
    names, levels = LAYOUT.categorical, LAYOUT.categories
    letters = EncodedTable(TableLayout((), names, levels), encoded.low[:, :0], encoded.high[:, :0], encoded.cat)
    for part in (numbers, letters):
        prediction = backbone().build(part)(rows(part), torch.rand(1))
        assert prediction.num.shape == part.low.shape
        assert prediction.cat_logits.shape == (40, part.layout.n_logits)


def denoiser_of(network, encoded: EncodedTable) -> Denoiser:
    process = TableDiffusion(
        GaussianDiffusion(GaussianPrior.fit(encoded.low.astype(np.float32))), CategoricalDiffusion(encoded.layout)
    )
    return Denoiser(process, network, torch.tensor(encoded.entropies()).float())


def test_a_few_steps_lower_the_loss_of_a_dependent_table():
    encoded = table(400)
    encoded.cat[:, 1] = encoded.cat[:, 2] = np.digitize(encoded.low[:, 0], [-0.5, 0.5])
    torch.manual_seed(0)
    denoiser = denoiser_of(backbone(rank=4).build(encoded), encoded)
    x_0, generator = rows(encoded), torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW([p for p in denoiser.parameters() if p.requires_grad], lr=3e-3)
    t = torch.linspace(0.01, 0.99, 400)

    def held_out_loss() -> float:
        with torch.no_grad():
            return float(denoiser.loss(x_0, t, torch.Generator().manual_seed(1)).rows.mean())

    before = held_out_loss()
    for _ in range(60):
        optimizer.zero_grad()
        denoiser.loss(x_0, t, generator).rows.mean().backward()
        optimizer.step()
    assert held_out_loss() < 0.88 * before


# As a user meets it.


def synthesizer(model, **parameters) -> TabularDiffusionSynthesizer:
    quick = {"max_epochs": 4, "n_sampling_steps": 6, "learning_rate": 1.5e-3, "random_state": 0}
    return TabularDiffusionSynthesizer(model, **quick | parameters)


def test_minilm_from_its_folder_end_to_end():
    frame = gaussian_table(300)
    model = LanguageModelBackbone(minilm(), n_layers=1, local_files_only=True)
    synth = synthesizer(model, rank=2, max_epochs=3).fit(frame)
    drawn = synth.sample(50)
    assert list(drawn.columns) == list(frame.columns)
    assert (drawn.dtypes == frame.dtypes).all()
    assert synth.rank_ == 2
    assert synth.spectrum_ is None
    assert 0 < synth.n_trainable_parameters_ < 0.2 * synth.n_parameters_
    assert synth.history_["train_loss"].notna().any()


def test_untrained_language_model_draws_the_gaussian_copula():
    frame = gaussian_table(500)
    drawn = synthesizer(backbone(), max_epochs=0, n_sampling_steps=12).fit(frame).sample(2_000)
    pd.testing.assert_frame_equal(
        drawn[["a", "b"]].corr("spearman"), frame[["a", "b"]].corr("spearman"), atol=0.07, check_exact=False
    )
    assert drawn["label"].value_counts(normalize=True)["high"] == pytest.approx(
        (frame["label"] == "high").mean(), abs=0.05
    )


def test_a_functional_dependency_is_kept_by_the_drawn_rows():
    codes = np.random.default_rng(0).integers(4, size=300)
    town, country = np.array(["Oslo", "Bergen", "Rome", "Lima"]), np.array(["Norway", "Norway", "Italy", "Peru"])
    frame = pd.DataFrame({"town": town[codes], "country": country[codes]})
    thorough = {"batch_size": 64, "learning_rate": 5e-3, "n_sampling_steps": 32, "early_stopping": False}
    thorough["sampler"] = DPMSolverSampler(exclude=False)  # what the network knows, without help
    kept = {
        epochs: frame.drop_duplicates().merge(drawn, how="right", indicator=True)["_merge"].eq("both").mean()
        for epochs in (0, 60)
        for drawn in [synthesizer(backbone(rank=4), max_epochs=epochs, **thorough).fit(frame).sample(500)]
    }
    assert kept[0] < 0.6
    assert kept[60] > 0.95


def test_a_loaded_model_or_its_folder_is_a_backbone(tmp_path):
    model = tiny_model("bert")
    model.save_pretrained(tmp_path), tiny_tokenizer().save_pretrained(tmp_path)
    frame, quick = gaussian_table(60), {"max_epochs": 1, "n_sampling_steps": 3}
    folder = synthesizer(str(tmp_path), **quick).fit(frame)
    assert folder.rank_ == folder.spectrum_.rank
    assert isinstance(folder.backbone_, LanguageModelBackbone)
    loaded = synthesizer(type(model).from_pretrained(tmp_path), **quick).fit(frame)
    pd.testing.assert_frame_equal(folder.sample(20), loaded.sample(20))


def test_fit_is_repeatable_and_survives_a_copy():
    frame = gaussian_table(60)
    first, second = (synthesizer(backbone(rank=2)).fit(frame) for _ in range(2))
    pd.testing.assert_frame_equal(copy.deepcopy(first).sample(10), second.sample(10))


def test_parameters_survive_clone_and_reach_the_backbone():
    synth = clone(synthesizer(LanguageModelBackbone("some-model"), rank=4)).set_params(backbone__n_layers=2)
    assert synth.get_params()["backbone__n_layers"] == 2
    assert synth.get_params()["backbone__model"] == "some-model"
    assert described(synth).rank == 4
    assert described(synthesizer(LanguageModelBackbone("some-model", rank=8))).rank == 8
    assert described(synthesizer("some-model", rank_energy=0.8)).rank_energy == 0.8


def described(synth):
    """The description of the network that a fit would build."""
    return resolve_backbone(synth.backbone, rank=synth.rank, rank_energy=synth.rank_energy)


def test_a_rank_is_of_no_use_to_the_mlp():
    with pytest.warns(UserWarning, match="rank of the adapters is ignored: the backbone has none"):
        synthesizer("mlp", rank=4, max_epochs=0).fit(gaussian_table(60))


def test_a_model_that_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    with pytest.raises(ModelLoadingError, match=r"Got 'no-one/no-model' instead. .*`hf download no-one/no-model`"):
        synthesizer(LanguageModelBackbone("no-one/no-model", local_files_only=True)).fit(gaussian_table(60))
    with pytest.raises(ModelLoadingError, match="The folder must hold config.json"):
        synthesizer(str(tmp_path)).fit(gaussian_table(60))

    def no_network(request, timeout):
        raise URLError(f"{request.full_url} cannot be reached")

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("tabdiff_lora.backbones.pretrained.urlopen", no_network)  # asked once, instead of many retries
    with pytest.raises(ModelLoadingError, match=r"`hf download no-one/no-model` .* cannot be reached"):
        synthesizer("no-one/no-model").fit(gaussian_table(60))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tokens": "cell"}, "'tokens' parameter of LanguageModelBackbone must be a str among .* Got 'cell' instead"),
        ({"words": "upside down"}, "'words' parameter of LanguageModelBackbone must be .* Got 'upside down' instead"),
        ({"freeze": False}, "freeze of LanguageModelBackbone must be True with an adapter"),
        ({"rank": 0}, r"'rank' parameter of LanguageModelBackbone must be .* an int in the range \[1, inf\). Got 0"),
        ({"rank_energy": 2.0}, r"'rank_energy' parameter of LanguageModelBackbone must be .* Got 2.0 instead"),
        ({"lora_dropout": 1.0}, r"'lora_dropout' parameter of LanguageModelBackbone must be .* Got 1.0 instead"),
        ({"lora_alpha": 0.0}, r"'lora_alpha' parameter of LanguageModelBackbone must be .* Got 0.0 instead"),
        ({"pretrained": "no"}, "'pretrained' parameter of LanguageModelBackbone must be .* Got 'no' instead"),
        ({"n_layers": 3}, r"n_layers of LanguageModelBackbone must be in 1 .. 2. Got 3"),
        ({"quantization": "2bit"}, "quantization of LanguageModelBackbone must be '4bit', '8bit', None"),
        ({"quantization": "4bit", "pretrained": False}, "quantization of LanguageModelBackbone needs freeze=True"),
        ({"lora_targets": "q_proj"}, "lora_targets of LanguageModelBackbone must match layers of a 'bert' model"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        backbone(**parameters).build(table())


def test_encoder_decoders_and_other_modules_are_refused():
    from transformers import T5Config, T5Model

    model = T5Model(T5Config(vocab_size=40, d_model=8, d_ff=8, d_kv=4, num_layers=1, num_heads=2))
    with pytest.raises(ValueError, match="must be an encoder or a decoder. Got 't5' .both. instead"):
        LanguageModelBackbone(model, tokenizer=tiny_tokenizer()).build(table())
    with pytest.raises(TypeError, match="must be a name, a folder or a transformers PreTrainedModel. Got Linear"):
        LanguageModelBackbone(torch.nn.Linear(2, 2)).build(table())


def test_quantization_without_its_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"needs bitsandbytes. Run `pip install 'tabdiff-lora\[quant\]'`"):
        backbone(quantization="8bit").build(table())


def test_loading_is_silent_and_leaves_the_settings_of_transformers_alone(capfd, caplog, recwarn):
    from transformers.utils import logging as transformers_logging

    before = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()
    with caplog.at_level(logging.DEBUG, logger="tabdiff_lora"):
        LanguageModelBackbone(minilm(), n_layers=1, local_files_only=True).build(table())
    assert (transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_describing_a_language_model_loads_none():
    code = (
        "import sys; from tabdiff_lora.backbones import LanguageModelBackbone as LM; LM('gpt2').get_params();"
        "print([m for m in ('transformers', 'peft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("quantization", "share"), [("8bit", 0.8), ("4bit", 0.6)])
@pytest.mark.filterwarnings("ignore")  # bitsandbytes and torch warn each other of deprecations
def test_quantised_body_trains_and_draws_in_less_memory(quantization, share):
    pytest.importorskip("bitsandbytes")
    frame, n_bytes = gaussian_table(60), {}
    for kind in (None, quantization):
        model = LanguageModelBackbone(minilm(), n_layers=1, rank=2, quantization=kind, local_files_only=True)
        synth = synthesizer(model, precision="bfloat16", max_epochs=8, validation_fraction=0.0).fit(frame)
        n_bytes[kind] = sum(p.numel() * p.element_size() for p in synth.module_.body.parameters())
        weights = [layer.lora_B["default"].weight for layer in synth.module_.modules() if hasattr(layer, "lora_B")]
        assert all(weight.abs().max() > 0 for weight in weights)  # gradients pass through every quantised layer
        assert len(synth.sample(5)) == len(synth.sample(5)) == 5
    assert n_bytes[quantization] < share * n_bytes[None]
