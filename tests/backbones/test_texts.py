import pytest
import torch

from tabdiff_lora.backbones.texts import embed_texts, to_words, unit_rms
from tests.backbones.language_models import minilm, tiny_tokenizer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("MedHouseVal", "Med House Val"),
        ("education-num", "education num"),
        ("marital_status", "marital status"),
        ("HTTPServer2", "HTTP Server 2"),
        ("Married-civ-spouse", "Married civ spouse"),
        (" <=50K", "<=50 K"),
        ("-0.25", "-0.25"),
        ("12.0", "12"),
        ("(number)", "number"),
        ("???", "???"),
        ("", ""),
        ("größe", "größe"),
    ],
)
def test_names_become_words_and_numbers_stay_numbers(text, words):
    assert to_words(text) == words


def test_embedding_is_the_mean_over_tokens():
    tokenizer, vocabulary = tiny_tokenizer(), torch.randn(120, 7)
    codes = [tokenizer.convert_tokens_to_ids(letter) for letter in " ab"]
    both, empty = embed_texts(["ab", ""], tokenizer, vocabulary)
    assert torch.allclose(both, vocabulary[codes].mean(0), atol=1e-6)
    assert torch.isfinite(empty).all()
    assert embed_texts([], tokenizer, vocabulary).shape == (0, 7)


def test_unit_rms_scales_vectors_and_keeps_zero():
    vectors = unit_rms(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    assert torch.allclose(vectors.square().mean(-1), torch.tensor([1.0, 0.0]))


def test_pretrained_embeddings_know_which_words_are_alike():
    from tabdiff_lora.backbones.pretrained import load_language_model

    model, tokenizer = load_language_model(minilm(), n_layers=1, local_files_only=True)
    words = ["monthlyIncome", "yearly_salary", "blood pressure"]
    income, salary, pressure = embed_texts(words, tokenizer, model.get_input_embeddings().weight)
    similarity = torch.nn.functional.cosine_similarity
    assert similarity(income, salary, dim=0) > similarity(income, pressure, dim=0) + 0.05
