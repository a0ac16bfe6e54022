r"""The language-model backbone: a pre-trained transformer, adapted by LoRA, computes the reverse process.

.. math:: x_t \to \mathrm{tokens} \to \mathrm{Transformer} \to \mathrm{heads} \to (F, \mathrm{logits})

The tokens are built in :mod:`~tabdiff_lora.backbones.tokens`, read by :mod:`~tabdiff_lora.backbones.body` and answered
in :mod:`~tabdiff_lora.backbones.heads`; what is trained is decided in :mod:`~tabdiff_lora.backbones.adapters`, how much
of it in :mod:`~tabdiff_lora.backbones.rank`. Whatever the language model says, the untrained network is the Gaussian
copula of the table.

When to use it: a few hundred to two thousand rows with telling names of columns and categories, and some patience.
For larger tables start with the residual MLP: a row costs it a tenth to a thirtieth of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from numbers import Integral, Real
from os import PathLike
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from tabdiff_lora.backbones.adapters import (
    adapter_tensors,
    add_adapter,
    merged,
    target_pattern,
    widest_rank,
    without_adapter,
)
from tabdiff_lora.backbones.base import Backbone, Network
from tabdiff_lora.backbones.body import TransformerBody
from tabdiff_lora.backbones.embeddings import TimeEmbedding
from tabdiff_lora.backbones.heads import ColumnHead, RowHead
from tabdiff_lora.backbones.layer_ranks import layer_ranks
from tabdiff_lora.backbones.pretrained import BaseModel, load_language_model
from tabdiff_lora.backbones.quantization import keep_trainable, quantization_config
from tabdiff_lora.backbones.rank import Spectrum, design_matrix, singular_values
from tabdiff_lora.backbones.texts import embed_texts
from tabdiff_lora.backbones.tokens import ColumnTokens, RowTokens, TextEmbeddings
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.state import Observation, Prediction
from tabdiff_lora.table.encoded import EncodedTable

D_TIME = 64
N_PROBED = 256  # rows that show what the layers of the untrained network have to say


class LanguageModelBackbone(Backbone):
    """A pre-trained language model as denoiser.

    Parameters
    ----------
    model : str, Path or PreTrainedModel
        Name on the Hugging Face hub, local folder, or a loaded model (which is copied). Encoders (BERT, DistilBERT,
        RoBERTa, ModernBERT, MiniLM, ...) and decoders (GPT-2, Qwen, Llama, ...). What is in the local cache is used
        before the hub is asked.
    tokenizer : str, Path or tokenizer, optional
        Needed only with a loaded model that does not know where it came from.
    n_layers : int, optional
        Keep only the first layers.
    pretrained : bool, default=True
        False starts from random weights and random word embeddings: the control of every claim about pre-training.
    tokens : {"column", "row"}, default="column"
        One token per column, or the paper's single token per row (eqs. 6 and 7).
    words : {"own", "shuffled", "random"}, default="own"
        Of names and categories. "shuffled" exchanges names among columns and categories among the whole table, "random"
        replaces them by random vectors: the controls of every claim about words.
    descriptions : dict of str to str, optional
        Texts to read in place of the names of columns, e.g. ``{"f_12": "number of bedrooms"}``.
    adapter : "lora", peft.PeftConfig or None, default="lora"
        With None the body is frozen or trained as a whole; see ``freeze``.
    freeze : bool, default=True
        Whether the body's own weights stay as they are. False needs ``adapter=None`` and trains all of them.
    train_layer_norms : bool, default=True
        Whether the normalisation layers of a frozen body are trained nonetheless; they are few.
    rank : "auto", "layers" or int, default="auto"
        Of LoRA. "auto" is eq. 8 on the encoded table; "layers" applies it to the activations that reach each adapted
        layer, the idea of EVA (Paischer et al., 2024).
    rank_energy : float in [0, 1], default=0.95
        The share alpha of eq. 8.
    lora_alpha : float, default=8.0
        The update is scaled by ``lora_alpha / rank``, so that one learning rate suits every rank.
    lora_dropout : float in [0, 1), default=0.0
    lora_targets : {"attention", "ffn", "all"} or str, default="attention"
        Layers to adapt: query, key, value and output projections, the feed-forward layers, both, or a regular
        expression for the ends of layer names.
    quantization : {"4bit", "8bit"} or transformers quantisation config, optional
    revision : str, optional
        Of the model on the hub.
    local_files_only : bool, default=False
        Never ask the hub.

    Examples
    --------
    >>> from tabdiff_lora import TabularDiffusionSynthesizer
    >>> from tabdiff_lora.backbones import LanguageModelBackbone
    >>> backbone = LanguageModelBackbone("bert-base-uncased", n_layers=4, rank=8)
    >>> TabularDiffusionSynthesizer(backbone).get_params()["backbone__n_layers"]
    4
    """

    rows_per_block = 256  # drawn together in `sample`; few, since a block is always drawn whole

    _parameter_constraints: dict = {
        "tokens": [StrOptions({"column", "row"})],
        "words": [StrOptions({"own", "shuffled", "random"})],
        "rank": [StrOptions({"auto", "layers"}), Interval(Integral, 1, None, closed="left")],
        "rank_energy": [Interval(Real, 0, 1, closed="both")],
        "lora_alpha": [Interval(Real, 0, None, closed="neither")],
        "lora_dropout": [Interval(Real, 0, 1, closed="left")],
        "pretrained": ["boolean"],
        "freeze": ["boolean"],
        "train_layer_norms": ["boolean"],
        "local_files_only": ["boolean"],
    }

    def __init__(
        self,
        model,
        *,
        tokenizer=None,
        n_layers=None,
        pretrained=True,
        tokens="column",
        words="own",
        descriptions=None,
        adapter="lora",
        freeze=True,
        train_layer_norms=True,
        rank="auto",
        rank_energy=0.95,
        lora_alpha=8.0,
        lora_dropout=0.0,
        lora_targets="attention",
        quantization=None,
        revision=None,
        local_files_only=False,
    ):
        self.model = model
        self.tokenizer = tokenizer
        self.n_layers = n_layers
        self.pretrained = pretrained
        self.tokens = tokens
        self.words = words
        self.descriptions = descriptions
        self.adapter = adapter
        self.freeze = freeze
        self.train_layer_norms = train_layer_norms
        self.rank = rank
        self.rank_energy = rank_energy
        self.lora_alpha = lora_alpha
        self.lora_dropout = lora_dropout
        self.lora_targets = lora_targets
        self.quantization = quantization
        self.revision = revision
        self.local_files_only = local_files_only

    def build(self, table: EncodedTable) -> LanguageModelNetwork:
        """Load the model and build the network around it; see :class:`Backbone`.

        Raises
        ------
        ModelLoadingError
            If the model is neither here nor within reach; says what to download.
        ValueError
            If parameters contradict each other, or the model's layers are unknown.
        """
        self._check()
        model, tokenizer = load_language_model(
            self.model,
            tokenizer=self.tokenizer,
            pretrained=self.pretrained,
            n_layers=self.n_layers,
            revision=self.revision,
            local_files_only=self.local_files_only,
            quantization_config=quantization_config(self.quantization),
        )
        is_stored = not (self.freeze and self.pretrained and isinstance(self.model, (str, PathLike)))
        origin = BaseModel.of(model, str(self.model) if not is_stored else None, self.revision)
        network = self._assemble(model, origin, table, self._texts(table.layout, model, tokenizer))
        self._adapt(network, lambda pattern: self._choose_rank(network, table, pattern))
        network.measure(*typical_inputs(table))
        return network

    def load_base(self, notes: Mapping[str, Any], base_model: Any = None) -> nn.Module:
        """Load the language model that a saved network was built around; see :class:`Backbone`.

        Raises
        ------
        ModelLoadingError
            If it is not within reach, or has changed.
        """
        return notes["origin"].load(
            base_model,
            n_layers=self.n_layers,
            local_files_only=self.local_files_only,
            quantization_config=quantization_config(self.quantization),
        )

    def rebuild(
        self, layout: TableLayout, notes: Mapping[str, Any], base: nn.Module | None = None
    ) -> LanguageModelNetwork:
        """Build a network of the shape of a saved one around its language model; see :class:`Backbone`."""
        d = base.get_input_embeddings().weight.shape[1]
        n_names = layout.n_numerical + layout.n_categorical
        blank = TextEmbeddings(torch.zeros(n_names, d), torch.zeros(layout.n_logits, d), None, 1.0)
        network = self._assemble(base, notes["origin"], EncodedTable.empty(layout), blank)
        self._adapt(network, lambda pattern: notes["rank"])
        network.spectrum = notes["spectrum"]
        return network

    def _assemble(
        self, model: nn.Module, origin: BaseModel, table: EncodedTable, texts: TextEmbeddings
    ) -> LanguageModelNetwork:
        """Put tokens and heads around a body."""
        keep_trainable(model)
        body, layout, frequencies = TransformerBody(model), table.layout, table.frequencies()
        if self.tokens == "column":
            tokens = ColumnTokens(layout, texts, D_TIME)
            head = ColumnHead(layout, texts, frequencies, d_in=body.d_in, d_out=body.d_out, d_time=D_TIME)
        else:
            tokens = RowTokens(layout, body.d_in, D_TIME, texts.scale)
            head = RowHead(layout, frequencies, body.d_out)
        return LanguageModelNetwork(body, tokens, head, origin)

    def auto_batch_size(self, n_rows: int) -> int:
        """Rows per step unless told: a power of two near a tenth of the table, between 32 and 128."""
        return int(2 ** np.clip(round(math.log2(max(n_rows, 1) / 10)), 5, 7))

    def auto_row_passes(self, n_rows: int, *, is_timed: bool) -> int:
        """Rows seen by a fit without limits: a quarter of a million at most, minutes on a laptop for a small table."""
        return super().auto_row_passes(n_rows, is_timed=True) if is_timed else min(48_000 + 64 * n_rows, 256_000)

    def _check(self) -> None:
        self._validate_params()
        if self.adapter is not None and not self.freeze:
            raise ValueError(
                "freeze of LanguageModelBackbone must be True with an adapter. Set adapter=None to train all."
            )
        if self.quantization is not None and not (self.freeze and self.pretrained):
            raise ValueError("quantization of LanguageModelBackbone needs freeze=True and pretrained=True.")

    def _texts(self, layout: TableLayout, model: nn.Module, tokenizer: Any) -> TextEmbeddings:
        """Embed names and categories with the model's own vocabulary."""
        vocabulary = model.get_input_embeddings().weight.detach().float()
        described = self.descriptions or {}
        names = [described.get(name, name) for name in (*layout.numerical, *layout.categorical)]
        levels = [level for column in layout.categories for level in column]
        embedded = [embed_texts(texts, tokenizer, vocabulary) for texts in (names, levels)]
        if self.words == "shuffled":
            embedded = [texts[torch.randperm(len(texts))] for texts in embedded]
        elif self.words == "random":
            embedded = [torch.randn_like(texts) for texts in embedded]
        mask_id = getattr(tokenizer, "mask_token_id", None)
        mask = None if mask_id is None else vocabulary[mask_id].clone()
        return TextEmbeddings(*embedded, mask, float(vocabulary.square().mean().sqrt()))

    def _choose_rank(self, network: LanguageModelNetwork, table: EncodedTable, pattern: str) -> int | dict[str, int]:
        """The rank of the adapters, for all layers or for each."""
        if self.rank == "auto":
            cap = widest_rank(network.body.model, pattern)
            network.spectrum = Spectrum(singular_values(design_matrix(table)), self.rank_energy, max_rank=cap)
            return network.spectrum.rank
        if self.rank == "layers":
            return layer_ranks(network, *typical_inputs(table), pattern, self.rank_energy)
        return self.rank

    def _adapt(self, network: LanguageModelNetwork, rank_for: Callable[[str], int | dict[str, int]]) -> None:
        """Wrap the body in its adapter, of a rank for the layers that a pattern names, and say which weights train."""
        body = network.body
        body.model.requires_grad_(not self.freeze)
        body.model.get_input_embeddings().requires_grad_(False)  # nothing reads them any more
        if self.adapter is not None:
            pattern = target_pattern(body.model, self.lora_targets)
            rank = rank_for(pattern)
            network.rank = rank if self.adapter == "lora" else getattr(self.adapter, "r", None)
            body.model = add_adapter(
                body.model,
                self.adapter,
                pattern=pattern,
                rank=rank,
                lora_alpha=self.lora_alpha,
                lora_dropout=self.lora_dropout,
            )
        if self.train_layer_norms:
            for module in body.model.modules():
                if "Norm" in type(module).__name__:
                    module.requires_grad_(True)
        for parameter in body.model.parameters():
            if parameter.requires_grad:  # the optimiser's small steps need single precision
                parameter.data = parameter.data.float()


class LanguageModelNetwork(Network):
    """The network of :class:`LanguageModelBackbone`.

    Attributes
    ----------
    rank : int, dict of layer to int, or None
        Of the adapters.
    spectrum : Spectrum or None
        The singular values of the table, where eq. 8 chose the rank.
    origin : BaseModel
        Where the body came from.
    """

    def __init__(self, body: TransformerBody, tokens: nn.Module, head: nn.Module, origin: BaseModel):
        super().__init__()
        self.time = TimeEmbedding(D_TIME, D_TIME)
        self.tokens, self.body, self.head, self.origin = tokens, body, head, origin
        self.rank: int | dict[str, int] | None = None
        self.spectrum: Spectrum | None = None

    def forward(
        self, x_t: Observation, t: Tensor, known: Tensor | None = None, dtype: torch.dtype = torch.float32
    ) -> Prediction:
        """See :class:`Backbone`; ``t`` may have shape (1,) when all rows share it."""
        time = F.silu(self.time(t))[:, None]  # (B or 1, 1, D_TIME)
        tokens = self.tokens(x_t, known, time)
        return self.head(self.body(tokens, dtype), tokens, time)

    @torch.no_grad()
    def measure(self, x_t: Observation, t: Tensor) -> None:
        """Let the heads standardise by what they hear of typical rows."""
        tokens = self.tokens(x_t, None, F.silu(self.time(t))[:, None])
        self.head.measure(self.body(tokens), tokens)

    def merged(self) -> AbstractContextManager[None]:
        """Run with the adapters added into the weights: the same function with fewer products, for sampling."""
        return merged(self.body.model)

    @property
    def adapter(self) -> nn.Module | None:
        """The peft model; None without an adapter."""
        return self.body.model if hasattr(self.body.model, "peft_config") else None

    def notes(self) -> dict[str, Any]:
        """The rank and where the body came from; see :class:`Network`."""
        return {"rank": self.rank, "spectrum": self.spectrum, "origin": self.origin}

    def saved_tensors(self) -> dict[str, Tensor]:
        """All but the adapter, and but the frozen body where it can be loaded again; see :class:`Network`.

        Weights of the body have the names that they have without an adapter.
        """
        in_adapter = set() if self.adapter is None else {t.data_ptr() for t in adapter_tensors(self.adapter).values()}
        trained = {f"body.{name}" for name, parameter in self.body.named_parameters() if parameter.requires_grad}
        saved = {}
        for name, tensor in self.state_dict().items():
            in_body = name.startswith("body.")
            is_needed = not in_body or self.origin.name is None or name in trained
            if is_needed and not (in_body and tensor.data_ptr() in in_adapter):
                saved[without_adapter(name)] = tensor
        return saved


def typical_inputs(table: EncodedTable) -> tuple[Observation, Tensor]:
    """Some rows as the network meets them: numbers of unit variance, and at time t a share t of categories masked."""
    rows = table.take(slice(N_PROBED))
    t = torch.linspace(0, 1, len(rows))
    cat = torch.as_tensor(rows.cat)
    is_masked = torch.rand(cat.shape) < t[:, None]
    mask = torch.tensor(table.layout.cardinalities, dtype=torch.int64)
    num = torch.as_tensor(rows.draw(np.random.default_rng(0)))
    return Observation.clean(num, torch.where(is_masked, mask, cat)), t
