"""Loading a language model and preparing it to read column tokens.

A model is read from a local folder, else from the local cache, and only then from the Hugging Face hub. What is changed
in its configuration, and why:

- fewer layers, if asked for;
- eager attention: torch's fused CPU attention is slower on sequences of a dozen tokens, backward most of all;
- no dropout: the noise of the diffusion regularises enough, and the pre-trained body must stay what it is;
- decoders see all tokens (``is_causal = False``), and no layer looks through a window: columns have no order.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLError
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import torch
from torch import nn

from tabdiff_lora.errors import ModelLoadingError

HUB_TIMEOUT = 10.0  # seconds until the hub counts as out of reach


@dataclass(frozen=True)
class BaseModel:
    """Which language model a network was built around, and how to get it again.

    Parameters
    ----------
    name : str or None
        On the hub or in a local folder. None where the weights cannot be loaded again (a model in memory, random
        weights, weights that were all trained) and have to be saved whole.
    revision : str or None
        The commit, where the model came from the hub.
    fingerprint : str
        Of the weights before anything was trained.
    config : dict or None
        transformers' configuration, where ``name`` is None.
    """

    name: str | None
    revision: str | None
    fingerprint: str
    config: dict[str, Any] | None

    @classmethod
    def of(cls, model: nn.Module, name: str | None, revision: str | None) -> BaseModel:
        """Describe a model that was just loaded."""
        if name is None:
            return cls(None, None, fingerprint(model), _config_without_vocabulary(model))
        return cls(name, getattr(model.config, "_commit_hash", None) or revision, fingerprint(model), None)

    def load(self, base_model: str | Path | None = None, *, n_layers: int | None = None, **options: Any) -> nn.Module:
        """The same model; with random weights where these are saved.

        Parameters
        ----------
        base_model : str or Path, optional
            Where it is now.
        n_layers : int, optional
        **options
            As in :func:`load_language_model`.

        Raises
        ------
        ModelLoadingError
            If there is no such model here, or its weights are not the same.
        """
        if self.name is None:
            return _from_config(self.config)
        revision = self.revision if base_model is None else None
        source = base_model or self.name
        with quiet_transformers():
            model = _load_pretrained(source, n_layers=n_layers, revision=revision, **options)
        if fingerprint(model) != self.fingerprint:
            raise ModelLoadingError(
                f"base_model of a saved synthesizer must be the {self.name!r} that it was trained around. Got "
                f"{str(source)!r} with other weights instead. Pass base_model=, or fit again."
            )
        return model.eval()


def fingerprint(model: nn.Module, n_values: int = 64) -> str:
    """A short hash of the first values of each weight, in bfloat16: the precision a body may have been cast to."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if parameter.is_floating_point():
            values = parameter.detach().flatten()[:n_values].to("cpu", torch.bfloat16)
            digest.update(f"{name} {list(parameter.shape)}".encode() + values.view(torch.int16).numpy().tobytes())
    return digest.hexdigest()[:16]


def load_language_model(
    source: str | Path | nn.Module,
    *,
    tokenizer: Any = None,
    pretrained: bool = True,
    n_layers: int | None = None,
    revision: str | None = None,
    local_files_only: bool = False,
    quantization_config: Any = None,
) -> tuple[nn.Module, Any]:
    """Load a transformer without its head, and its tokenizer.

    Parameters
    ----------
    source : str, Path or PreTrainedModel
        Name on the hub, local folder, or a model in memory, which is copied and never changed.
    tokenizer : str, Path or tokenizer, optional
        Of a model in memory that does not know its folder.
    pretrained : bool, default=True
        False draws the weights at random, for comparison.
    n_layers : int, optional
        Keep only the first layers.
    revision : str, optional
    local_files_only : bool, default=False
        Never ask the hub.
    quantization_config : optional
        See :mod:`tabdiff_lora.backbones.quantization`.

    Returns
    -------
    model, tokenizer
        The model in evaluation mode, with all its weights.

    Raises
    ------
    ModelLoadingError
        If there is no such model here; says how to get it.
    """
    from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel

    where = _where(revision, local_files_only)
    with quiet_transformers():
        if isinstance(source, PreTrainedModel):
            model = _copied(source.base_model, pretrained, n_layers)
            tokenizer = source.name_or_path if tokenizer is None else tokenizer
        elif isinstance(source, nn.Module):
            raise TypeError(
                f"model of LanguageModelBackbone must be a name, a folder or a transformers PreTrainedModel. "
                f"Got {type(source).__name__} instead."
            )
        elif pretrained:
            model = _load_pretrained(
                source,
                n_layers=n_layers,
                revision=revision,
                local_files_only=local_files_only,
                quantization_config=quantization_config,
            )
            tokenizer = source if tokenizer is None else tokenizer
        else:
            config = adapted_config(_load(AutoConfig, source, **where), n_layers)
            model = AutoModel.from_config(config, attn_implementation="eager")
            tokenizer = source if tokenizer is None else tokenizer
        if isinstance(tokenizer, (str, Path)):
            tokenizer = _load(AutoTokenizer, tokenizer, **where)
    return model.eval(), tokenizer


def _where(revision: str | None, local_files_only: bool) -> dict[str, Any]:
    return {"local_files_only": local_files_only} | ({} if revision is None else {"revision": revision})


def _load_pretrained(
    source: str | Path, *, n_layers: int | None, revision: str | None, local_files_only: bool, quantization_config: Any
) -> nn.Module:
    from transformers import AutoConfig, AutoModel

    where = _where(revision, local_files_only)
    config = adapted_config(_load(AutoConfig, source, **where), n_layers)
    options = {} if quantization_config is None else {"quantization_config": quantization_config}
    return _load(AutoModel, source, config=config, attn_implementation="eager", **options, **where)


def _config_without_vocabulary(model: nn.Module) -> dict[str, Any]:
    """The configuration of a model whose words are not needed any more."""
    values = json.loads(model.config.to_json_string(use_diff=False))
    tokens = {key: 0 for key, value in values.items() if key.endswith("_token_id") and value is not None}
    return values | tokens | {"vocab_size": 1}


def _from_config(values: dict[str, Any]) -> nn.Module:
    """A model of random weights, which are to be replaced; no code of a configuration is ever run."""
    from transformers import AutoModel
    from transformers.models.auto import CONFIG_MAPPING

    config = CONFIG_MAPPING[values["model_type"]].from_dict(values)
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        return AutoModel.from_config(adapted_config(config), attn_implementation="eager").eval()


def adapted_config(config: Any, n_layers: int | None = None) -> Any:
    """A copy of a transformers configuration for unordered tokens; see the module's docstring.

    Raises
    ------
    ValueError
        For encoder-decoder models, and for more layers than there are.
    """
    config = copy.deepcopy(config)
    if getattr(config, "is_encoder_decoder", False):
        raise ValueError(
            "model of LanguageModelBackbone must be an encoder or a decoder. "
            f"Got {config.model_type!r} (both) instead. Use e.g. 'bert-base-uncased' or 'gpt2'."
        )
    layer_types = getattr(config, "layer_types", None)
    if layer_types:
        windows = ("sliding_attention", "chunked_attention")
        config.layer_types = ["full_attention" if kind in windows else kind for kind in layer_types]
    if n_layers is not None:
        if not 1 <= n_layers <= config.num_hidden_layers:
            raise ValueError(
                f"n_layers of LanguageModelBackbone must be in 1 .. {config.num_hidden_layers}. Got {n_layers}."
            )
        config.num_hidden_layers = n_layers
        if layer_types:
            config.layer_types = config.layer_types[:n_layers]
    for name, value in config.to_dict().items():
        if "drop" in name and isinstance(value, float):
            setattr(config, name, 0.0)
    config.is_causal = config.use_cache = False
    return config


def _copied(model: nn.Module, pretrained: bool, n_layers: int | None) -> nn.Module:
    if getattr(model, "is_quantized", False):
        raise ValueError(
            "model of LanguageModelBackbone must not be quantised in memory. Pass its name and quantization=."
        )
    config = adapted_config(model.config, n_layers)
    config._attn_implementation = "eager"
    if not pretrained:
        return type(model)(config)
    with torch.random.fork_rng(devices=[]):  # the weights drawn here are replaced, and no draw is used up
        twin = type(model)(config)
    twin.load_state_dict(model.state_dict(), strict=False)  # layers beyond n_layers are left over
    return twin


def _load(kind: Any, source: str | Path, *, local_files_only: bool, **options: Any) -> Any:
    """``kind.from_pretrained``: what is here first, the hub second."""
    from huggingface_hub import constants

    is_local = local_files_only or constants.HF_HUB_OFFLINE or Path(source).is_dir()
    try:
        return kind.from_pretrained(str(source), local_files_only=True, **options)
    except (OSError, ValueError) as error:
        if is_local:
            raise _not_loadable(source, error) from error
    _reach_hub(source)
    try:
        return kind.from_pretrained(str(source), **options)
    except (OSError, ValueError) as error:
        raise _not_loadable(source, error) from error


def _reach_hub(source: str | Path) -> None:
    """Find out at once that there is no network, instead of after many retries."""
    from huggingface_hub import constants

    try:
        urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=HUB_TIMEOUT).close()
    except HTTPError:
        return  # it has answered
    except URLError as error:
        if not isinstance(error.reason, SSLError):  # the hub's own client may know other certificates
            raise _not_loadable(source, error) from error


def _not_loadable(source: str | Path, error: Exception) -> ModelLoadingError:
    reason = str(error).strip().split("\n")[0]
    if Path(source).is_dir():
        cure = "The folder must hold config.json, model.safetensors and the tokenizer's files."
    else:
        cure = (
            f"Where there is a network, `hf download {source}` puts it into the cache; elsewhere copy its folder and "
            f"pass the path. backbone='mlp' needs no language model."
        )
    return ModelLoadingError(
        f"backbone must be a language model that can be loaded. Got {str(source)!r} instead. {cure} ({reason})"
    )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence the load reports and progress bars of transformers, and put its settings back afterwards."""
    from huggingface_hub.utils import logging as hub
    from transformers.utils import logging

    verbosity, hub_verbosity, bars = logging.get_verbosity(), hub.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    hub.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        hub.set_verbosity(hub_verbosity)
        if bars:
            logging.enable_progress_bar()
