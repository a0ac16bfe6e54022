"""The keeping half of the synthesizer: into a folder, onto the hub, and back.

A folder holds JSON and safetensors and nothing that could be run; see ``docs/saving.md`` for what it reveals.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors import numpy as array_file
from safetensors import torch as tensor_file
from sklearn.utils.validation import check_is_fitted

from tabdiff_lora import __version__
from tabdiff_lora.backbones import Backbone
from tabdiff_lora.compute import limited_threads, resolve_device, resolve_dtype
from tabdiff_lora.errors import ModelLoadingError, PersistenceError
from tabdiff_lora.persistence import archive, hub
from tabdiff_lora.persistence.card import model_card
from tabdiff_lora.persistence.folder import (
    ADAPTER,
    ADAPTER_CONFIG,
    ARRAYS,
    NETWORK,
    SYNTHESIZER,
    read_folder,
    write_folder,
)
from tabdiff_lora.persistence.network import describe, rebuild, weights
from tabdiff_lora.randomness import torch_generator
from tabdiff_lora.table import TableEncoder

LIBRARIES = ("numpy", "pandas", "peft", "safetensors", "scikit-learn", "torch", "transformers")
REBUILT = {"denoiser_", "module_", "device_", "history_"}
"""Fitted attributes that are not in the tree: the network and what follows from it, and the history."""

STREAMS = ("_n_fits", "_sample_root", "_n_draws")
"""Where the random streams are: fits and draws go on where they were."""


class PretrainedMixin:
    """Saves a fitted synthesizer without pickle, and loads it without running anything it brings."""

    def save_pretrained(self, folder: str | PathLike, *, report=None) -> None:
        """Write the fitted synthesizer into a folder.

        The folder holds no rows, but values: the levels of categories, the range and quantiles of numbers, the texts of
        columns declared as text (see ``docs/saving.md``). Treat it as you treat the table.

        Parameters
        ----------
        folder : str or Path
            Made where there is none. Files of a synthesizer saved there before are replaced, others are left alone.
        report : EvaluationReport, optional
            Scores for the model card.

        Raises
        ------
        PersistenceError
            If a parameter cannot be written, such as a function; says what to use instead.

        Examples
        --------
        >>> import tempfile
        >>> from sklearn.datasets import load_wine
        >>> from tabdiff_lora import TabularDiffusionSynthesizer
        >>> df = load_wine(as_frame=True).frame
        >>> synth = TabularDiffusionSynthesizer(max_epochs=2, random_state=0).fit(df)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     synth.save_pretrained(folder)
        ...     again = TabularDiffusionSynthesizer.from_pretrained(folder)
        >>> again.sample(5, random_state=1).equals(synth.sample(5, random_state=1))
        True
        """
        check_is_fitted(self)
        write_folder(Path(folder), _files(self), model_card(self, report))

    @classmethod
    def from_pretrained(
        cls,
        source: str | PathLike,
        *,
        device="auto",
        revision: str | None = None,
        local_files_only: bool = False,
        classes: Iterable[type] = (),
        base_model: str | PathLike | None = None,
    ) -> Self:
        """Load a synthesizer that :meth:`save_pretrained` or :meth:`push_to_hub` wrote, on whatever machine.

        The same seed gives the same rows as before, and :meth:`partial_fit` goes on. Nothing in the folder is run, and
        no file outside it is read, but for the language model that it names.

        Parameters
        ----------
        source : str or Path
            A folder, or the name of a repository on the Hugging Face hub.
        device : "auto" or a torch device, default="auto"
            Where to compute from now on, whatever it was before.
        revision : str, optional
            Branch, tag or commit of the repository.
        local_files_only : bool, default=False
            Never ask the hub; also for the language model.
        classes : iterable of classes, default=()
            Your own encoders, backbones, samplers, priors and constraints that the synthesizer was made with. They are
            the only code from outside the library that is used.
        base_model : str or Path, optional
            Where the language model is now, if not where it was.

        Raises
        ------
        PersistenceError
            If there is no such folder or repository, or if it is incomplete, damaged, of a newer format, or names a
            class that was not given.
        ModelLoadingError
            If its language model is not within reach, or has changed.
        """
        folder, root = hub.folder_of(source, revision=revision, local_files_only=local_files_only)
        files = read_folder(folder, root=root)
        resolve_device(device)  # before anything can be blamed on the folder
        try:
            with limited_threads():
                synth = _restored(cls, files, device, tuple(classes), base_model, local_files_only)
                _try_out(synth)
        except (PersistenceError, ModelLoadingError):
            raise
        except (
            ArithmeticError, AttributeError, ImportError, LookupError, MemoryError, RuntimeError, TypeError, ValueError,
            SafetensorError,
        ) as error:  # fmt: skip
            raise PersistenceError(
                f"content of {str(source)!r} must be a synthesizer of this format. Got what does not fit together "
                f"({type(error).__name__}: {error}) instead. Save it again, or get an intact copy."
            ) from error
        return synth

    def push_to_hub(
        self,
        repo_id: str,
        *,
        report=None,
        private: bool = True,
        token: str | None = None,
        revision: str | None = None,
        commit_message: str = "Add a synthesizer",
    ) -> str:
        """Upload the fitted synthesizer to a repository of the Hugging Face hub.

        Parameters
        ----------
        repo_id : str
            ``"user/name"``; made where there is none.
        report : EvaluationReport, optional
            Scores for the model card.
        private : bool, default=True
            Of a repository that is made. What you publish shows values of your table; see :meth:`save_pretrained`.
        token : str, optional
            By default the one that ``hf auth login`` has stored.
        revision : str, optional
            Branch to commit to.
        commit_message : str

        Returns
        -------
        str
            Where the commit can be seen.
        """
        check_is_fitted(self)
        return hub.upload(
            self.save_pretrained,
            repo_id,
            report=report,
            private=private,
            token=token,
            revision=revision,
            commit_message=commit_message,
        )


def _files(synth) -> dict[str, bytes]:
    """All files of a fitted synthesizer but the model card."""
    attributes = {k: v for k, v in vars(synth).items() if k.endswith("_") and not k.startswith("_")}
    tree, arrays = archive.dump(
        {
            "parameters": synth.get_params(deep=False),
            "fitted": {k: v for k, v in attributes.items() if k not in REBUILT}
            | {name: getattr(synth, name) for name in STREAMS},
            "denoiser": describe(synth.denoiser_),
        }
    )
    content = {
        "library": {"tabdiff_lora": __version__, "python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES if name.replace("scikit-learn", "sklearn") in sys.modules},
        "history": _history_tree(synth.history_),
        "tree": tree,
    }
    network, adapter = weights(synth.module_)
    files = {
        SYNTHESIZER: json.dumps(content, indent=1, allow_nan=False).encode(),
        ARRAYS: array_file.save({name: np.ascontiguousarray(array) for name, array in arrays.items()}),
        NETWORK: tensor_file.save(network),
    }
    if adapter is not None:
        files[ADAPTER] = tensor_file.save(adapter)
        files[ADAPTER_CONFIG] = _adapter_config(synth.module_.adapter)
    return files


def _adapter_config(model) -> bytes:
    """What peft needs to load the adapter elsewhere; never read here."""
    values = model.peft_config["default"].to_dict()
    return json.dumps(values, indent=1, sort_keys=True, default=lambda value: sorted(value)).encode()


def _history_tree(history: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The history as plain values, nan as None."""
    return {
        name: {"dtype": str(column.dtype), "values": [None if value != value else value for value in column.tolist()]}
        for name, column in history.items()
    }


def _history(tree: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(column["values"], dtype=column["dtype"]) for name, column in tree.items()})


def _restored(cls, files: Mapping[str, bytes], device, classes: tuple[type, ...], base_model, local_files_only: bool):
    """The synthesizer that ``_files`` was given."""
    content = json.loads(files[SYNTHESIZER])
    parts = archive.load(content["tree"], array_file.load(files[ARRAYS]), classes)
    fitted, backbone = parts["fitted"], parts["fitted"]["backbone_"]
    encoder = fitted["encoder_"]
    for thing, kind in ((encoder, TableEncoder), (backbone, Backbone)):
        if not isinstance(thing, kind):
            raise TypeError(f"{thing!r} is no {kind.__name__}")
    if local_files_only and hasattr(backbone, "local_files_only"):
        backbone.local_files_only = True
    synth = cls(**parts["parameters"] | {"device": device})
    vars(synth).update(fitted)
    vars(synth).setdefault("density_ratio_", None)  # folders of earlier releases have none
    synth.history_, synth.device_ = _history(content["history"]), resolve_device(device)
    synth.denoiser_ = rebuild(
        parts["denoiser"],
        backbone,
        encoder.layout_,
        tensor_file.load(files[NETWORK]),
        tensor_file.load(files[ADAPTER]) if ADAPTER in files else None,
        dtype=resolve_dtype(synth.precision, synth.device_),
        base_model=base_model,
    ).to_device(synth.device_)
    synth.module_ = synth.denoiser_.backbone
    return synth


def _try_out(synth) -> None:
    """Take one step and decode one row, so that what does not fit together is found out now and not at some draw."""
    synth._validate_params()
    denoiser, encoder = synth.denoiser_, synth.encoder_
    generator = torch_generator(np.random.SeedSequence(0), denoiser.device)
    with torch.inference_mode():
        x_1 = denoiser.process.prior_sample(1, generator)
        x_0 = denoiser(x_1, torch.ones(1, device=denoiser.device))
    row = encoder.decode_frame(x_0.num.cpu().numpy(), np.zeros((1, encoder.layout_.n_categorical), dtype=np.int64))
    encoder.schema_.validate(row)
    if synth.density_ratio_ is not None:
        synth.density_ratio_(encoder.features(row))
