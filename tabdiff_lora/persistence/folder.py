"""The folder: a few files of fixed names, and a manifest that says what each must be.

Only the names in ``FILES`` are ever opened, whatever a manifest lists, and only if they really lie inside the folder,
so a folder from a stranger leads nowhere else. A file is read once, as a whole: what was checked is what is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tabdiff_lora.errors import PersistenceError

FORMAT = 2
"""Number of the format that is written. Older ones are read; newer ones are refused."""

MANIFEST = "manifest.json"
SYNTHESIZER = "synthesizer.json"
ARRAYS = "arrays.safetensors"
NETWORK = "network.safetensors"
ADAPTER = "adapter/adapter_model.safetensors"
ADAPTER_CONFIG = "adapter/adapter_config.json"
CARD = "README.md"

FILES = (SYNTHESIZER, ARRAYS, NETWORK, ADAPTER, ADAPTER_CONFIG)
"""What a manifest may list. The model card is not among them: it is for people, who may edit it."""

REQUIRED = (SYNTHESIZER, ARRAYS, NETWORK)
MAX_MANIFEST = 100_000  # bytes; ours has less than a thousand

CURE = "Save it again, or get an intact copy."


def write_folder(folder: Path, files: Mapping[str, bytes], card: str) -> None:
    """Write a saved synthesizer, the manifest last; files of a synthesizer that was there before are replaced.

    Parameters
    ----------
    folder : Path
        Made where there is none.
    files : mapping of names in ``FILES`` to their content
    card : str
        The model card.

    Raises
    ------
    PersistenceError
        If there is a file in place of the folder, or the folder's own ``adapter`` leads outside.
    """
    if folder.exists() and not folder.is_dir():
        raise PersistenceError(f"folder of save_pretrained must be a folder. Got the file {str(folder)!r} instead.")
    folder.mkdir(parents=True, exist_ok=True)
    entries = {name: {"bytes": len(data), "sha256": _checksum(data)} for name, data in files.items()}
    manifest = json.dumps({"format": FORMAT, "files": entries}, indent=1)
    _inside(folder, MANIFEST).unlink(missing_ok=True)  # a save that is cut off leaves no valid folder behind
    for name in FILES:
        if name not in files:
            _inside(folder, name).unlink(missing_ok=True)
    for name, data in {**files, CARD: card.encode(), MANIFEST: manifest.encode()}.items():
        _replace(_inside(folder, name), data)


def read_folder(folder: Path, *, root: Path | None = None) -> dict[str, bytes]:
    """Read and check the files of a saved synthesizer.

    Parameters
    ----------
    folder : Path
    root : Path, optional
        Where the files really are, if the folder only links to them, as in the cache of the hub.

    Returns
    -------
    dict of names in ``FILES`` to their content

    Raises
    ------
    PersistenceError
        If a file is missing, damaged, not listed, outside the folder or of a newer format.
    """
    root = _real(root or folder)
    try:
        manifest = json.loads(_read(folder, MANIFEST, root, MAX_MANIFEST))
        number, entries = manifest["format"], dict(manifest["files"])
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        if isinstance(error, PersistenceError):
            raise
        raise PersistenceError(
            f"{MANIFEST} of {str(folder)!r} must be as it was written. Got a damaged one ({error}) instead. {CURE}"
        ) from error
    if not isinstance(number, int) or not 1 <= number <= FORMAT:
        raise PersistenceError(
            f"format of {str(folder)!r} must be at most {FORMAT}. Got {number!r} instead. "
            f"Upgrade: `pip install -U tabdiff-lora`."
        )
    for name in entries:
        if name not in FILES:
            raise PersistenceError(
                f"files of {str(folder)!r} must be among {', '.join(FILES)}. Got {name!r} instead. {CURE}"
            )
    for name in REQUIRED:
        if name not in entries:
            raise PersistenceError(f"files of {str(folder)!r} must include {name}. Got none instead. {CURE}")
    return {name: _checked(folder, name, root, entry) for name, entry in entries.items()}


def _checked(folder: Path, name: str, root: Path, entry: object) -> bytes:
    """The content of a file that is what the manifest says."""
    size, checksum = (entry.get("bytes"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    if not isinstance(size, int) or size < 0 or not isinstance(checksum, str):
        raise PersistenceError(f"{MANIFEST} of {str(folder)!r} must be as it was written. Got {entry!r}. {CURE}")
    data = _read(folder, name, root, size)
    if len(data) != size or _checksum(data) != checksum:
        raise PersistenceError(
            f"{name} of {str(folder)!r} must be as it was written ({size:,} bytes, SHA-256 {checksum[:12]}...). "
            f"Got a damaged file of {_size(folder / name):,} bytes instead. {CURE}"
        )
    return data


def _read(folder: Path, name: str, root: Path, limit: int) -> bytes:
    """At most ``limit`` + 1 bytes of a regular file that lies inside ``root``."""
    path = folder / name
    if not _real(path).is_relative_to(root):
        raise PersistenceError(
            f"{name} of {str(folder)!r} must lie in the folder. Got a link to {str(_real(path))!r} instead. {CURE}"
        )
    if not path.is_file():  # also for pipes and devices, which are never opened
        raise PersistenceError(f"{name} of {str(folder)!r} must be a file. Got none instead. {CURE}")
    with path.open("rb") as file:
        return file.read(min(limit, _size(path)) + 1)


def _inside(folder: Path, name: str) -> Path:
    """The path of a file, whose own folder is not a link to another."""
    path = folder / name
    if not _real(path.parent).is_relative_to(_real(folder)):
        raise PersistenceError(
            f"{path.parent.name} of {str(folder)!r} must lie in the folder. "
            f"Got a link to {str(_real(path.parent))!r} instead. Remove it."
        )
    return path


def _replace(path: Path, data: bytes) -> None:
    """Put a new file in place of whatever has this name, a link included; never a half-written one."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _real(path: Path) -> Path:
    """Where a path leads; also for links that lead in a circle."""
    return Path(os.path.realpath(path))


def _size(path: Path) -> int:
    return path.stat().st_size


def _checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
