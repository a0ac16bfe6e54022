"""The denoiser as notes and tensors: what is trained, and how to build the rest again.

The training rows are gone when a network is loaded, so its description (the backbone) builds another of the same shape
and the saved weights take the place of the new ones. A description that does not fit the weights is found out before
its network can fill the memory.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from tabdiff_lora.backbones import Backbone, Network
from tabdiff_lora.backbones.adapters import adapter_tensors, restore_adapter
from tabdiff_lora.denoiser import Denoiser
from tabdiff_lora.diffusion import TableDiffusion
from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.layout import TableLayout
from tabdiff_lora.randomness import borrowed_generator

OPTIONS = sorted(set(inspect.signature(Denoiser).parameters) - {"process", "backbone", "entropies", "dtype"})
"""What else a denoiser is made with, and keeps under the same name."""

SLACK = 2**26  # bytes that a network may hold beyond what was saved of it
MORE_TENSORS = 500  # and tensors


def describe(denoiser: Denoiser) -> dict[str, object]:
    """All of a denoiser but the weights of its network: plain values, dataclasses and tensors."""
    own = dict(denoiser.named_buffers(recurse=False)) | dict(denoiser.named_parameters(recurse=False))
    return {
        "process": denoiser.process,
        "options": {name: getattr(denoiser, name) for name in OPTIONS},
        "tensors": {name: tensor.detach() for name, tensor in own.items()},
        "notes": denoiser.backbone.notes(),
    }


def weights(network: Network) -> tuple[dict[str, Tensor], dict[str, Tensor] | None]:
    """The weights of a network and, where it has an adapter, those of the adapter, on the CPU."""
    adapter = None if network.adapter is None else _on_cpu(adapter_tensors(network.adapter))
    return _on_cpu(network.saved_tensors()), adapter


def rebuild(
    description: Mapping[str, Any],
    backbone: Backbone,
    layout: TableLayout,
    tensors: Mapping[str, Tensor],
    adapter: Mapping[str, Tensor] | None,
    *,
    dtype: torch.dtype,
    base_model: Any = None,
) -> Denoiser:
    """The denoiser that ``describe`` and ``weights`` were given, on the CPU.

    Parameters
    ----------
    description : dict
        Of ``describe``.
    backbone : Backbone
    layout : TableLayout
    tensors, adapter : mapping of str to Tensor
        Of ``weights``.
    dtype : torch.dtype
        Of the hidden states.
    base_model : str or Path, optional
        Where the language model inside is now.

    Raises
    ------
    ModelLoadingError
        If that language model is not within reach, or has changed.
    ValueError
        If weights and description do not fit each other.
    """
    process, notes = description["process"], description["notes"]
    if not isinstance(process, TableDiffusion) or process.layout != layout:
        raise ValueError("the process is not of this table")
    with borrowed_generator(np.random.SeedSequence(0)):  # what is drawn here is replaced by the saved weights
        network = _rebuild(backbone, layout, notes, {**tensors, **(adapter or {})}, base_model)
    network.restore(tensors)
    if (network.adapter is None) != (adapter is None):
        raise ValueError("there is an adapter in one of backbone and folder only")
    if adapter is not None:
        restore_adapter(network.adapter, adapter)
    denoiser = Denoiser(process, network, torch.ones(layout.n_categorical), dtype=dtype, **description["options"])
    missing, unknown = denoiser.load_state_dict(description["tensors"], strict=False)  # the network has its own already
    if unknown or any(not name.startswith("backbone.") for name in missing):
        raise ValueError("the tensors of the denoiser are not its own")
    return denoiser.eval()


def _rebuild(
    backbone: Backbone,
    layout: TableLayout,
    notes: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    base_model: Any,
) -> Network:
    """A network of the saved shape."""
    n_bytes = SLACK + 2 * sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    n_tensors = MORE_TENSORS + 2 * len(tensors)
    origin = notes.get("origin")
    if origin is not None and origin.name is not None:  # the language model is as large as it is
        base = backbone.load_base(notes, base_model)
        with limited_size(n_bytes, n_tensors):
            return backbone.rebuild(layout, notes, base)
    with limited_size(n_bytes, n_tensors):
        base = backbone.load_base(notes, base_model)
        if base is None:
            with torch.device("meta"):
                backbone.rebuild(layout, notes)
        return backbone.rebuild(layout, notes, base)


@contextmanager
def limited_size(n_bytes: int, n_tensors: int) -> Iterator[None]:
    """Stop modules that are built in this thread from having more weights than so many bytes and tensors.

    Raises
    ------
    PersistenceError
        As soon as they would.
    """
    me, bytes_left, tensors_left = threading.get_ident(), n_bytes, n_tensors

    def count(_module: nn.Module, _name: str, tensor: Tensor | None) -> None:
        nonlocal bytes_left, tensors_left
        if tensor is not None and threading.get_ident() == me:
            bytes_left -= tensor.numel() * tensor.element_size()
            tensors_left -= 1
            if min(bytes_left, tensors_left) < 0:
                raise PersistenceError(
                    "network of a saved synthesizer must be as large as its weights. Got a larger description instead. "
                    "Get an intact copy."
                )

    handles = [
        hooks.register_module_parameter_registration_hook(count),
        hooks.register_module_buffer_registration_hook(count),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies that share no memory, as safetensors wants them."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
