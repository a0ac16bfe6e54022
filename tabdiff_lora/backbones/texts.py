r"""Column names and categories as vectors of a language model's own vocabulary.

"CreditScore" is "Credit Score" to a person and ``credits ##core`` to a tokenizer, so names are split into words first.
A text is then the mean of the pre-trained embeddings of its tokens,

.. math:: e(\text{text}) = \frac{1}{m} \sum_{i=1}^m E[\mathrm{token}_i],

which lies in the space that the first layer of the model reads. This is the paper's "well-trained embeddings": computed
once, frozen, and the vocabulary (half of MiniLM's weights) is not needed afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
BOUNDARY = re.compile(
    r"(?<=[a-z])(?=[A-Z])"  # camelCase
    r"|(?<=[A-Z])(?=[A-Z][a-z])"  # HTTPServer
    r"|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])"  # col12
)


def to_words(text: str) -> str:
    """Split a column name or a category into words.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Words separated by single spaces; numbers stay as they are, whole ones without a decimal point.

    Examples
    --------
    >>> [to_words(text) for text in ("CreditScore", "hours_per-week", "f_12", "-1.50", "3.0", "(missing)")]
    ['Credit Score', 'hours per week', 'f 12', '-1.50', '3', 'missing']
    """
    text = text.strip()
    if NUMBER.fullmatch(text):
        return re.sub(r"\.0+$", "", text)
    spaced = re.sub(r"[_\-./\\()\[\]{}|:;,]+", " ", BOUNDARY.sub(" ", text))
    return " ".join(spaced.split()) or text


def embed_texts(texts: Sequence[str], tokenizer, vocabulary: Tensor) -> Tensor:
    """Mean embedding of the tokens of each text.

    Parameters
    ----------
    texts : sequence of str, length m
    tokenizer : transformers tokenizer
    vocabulary : Tensor of shape (V, d)
        The model's input embeddings.

    Returns
    -------
    Tensor of shape (m, d), float32
        A text without tokens is the zero vector.
    """
    if not len(texts):
        return torch.zeros(0, vocabulary.shape[1])
    # The leading space makes byte-pair tokenizers see the start of a word; others ignore it.
    ids = tokenizer([f" {to_words(text)}" for text in texts], add_special_tokens=False)["input_ids"]
    flat = torch.tensor([token for row in ids for token in row], dtype=torch.int64)
    row = torch.repeat_interleave(torch.arange(len(ids)), torch.tensor([len(tokens) for tokens in ids]))
    weights = vocabulary.detach().to("cpu", torch.float32)
    sums = torch.zeros(len(ids), weights.shape[1]).index_add_(0, row, weights[flat])
    return sums / torch.bincount(row, minlength=len(ids)).clamp_min(1)[:, None]


def unit_rms(vectors: Tensor) -> Tensor:
    """Vectors (..., d) scaled to a root mean square of 1; the zero vector stays."""
    return vectors / vectors.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-8)
