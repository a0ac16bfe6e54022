"""The Hugging Face hub as a place for saved folders."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.persistence.folder import FILES, MANIFEST

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", re.ASCII)


def folder_of(source: str | PathLike, *, revision: str | None, local_files_only: bool) -> tuple[Path, Path | None]:
    """The local folder of a source, which is downloaded first if it is the name of a repository.

    Parameters
    ----------
    source : str or Path
    revision : str or None
    local_files_only : bool

    Returns
    -------
    folder : Path
    root : Path or None
        Where the files that the folder links to really are, in the cache of the hub.

    Raises
    ------
    PersistenceError
        If there is neither such a folder nor such a repository within reach.
    """
    if Path(source).is_dir():
        return Path(source), None
    if not isinstance(source, str) or not REPOSITORY.fullmatch(source) or ".." in source:
        raise PersistenceError(
            f"source of from_pretrained must be a folder or the name of a repository. Got {str(source)!r} instead, "
            f"which is not there. Check the path."
        )
    import huggingface_hub

    try:
        folder = huggingface_hub.snapshot_download(
            source, revision=revision, allow_patterns=[MANIFEST, *FILES], local_files_only=local_files_only
        )
    except (OSError, ValueError) as error:  # of the network, the hub, and names it does not know
        reason = str(error).strip().split("\n")[0]
        raise PersistenceError(
            f"source of from_pretrained must be a folder or a repository within reach. Got {source!r} instead. Check "
            f"the name, `hf auth login` if it is private, or copy its files and pass their folder. ({reason})"
        ) from error
    return Path(folder), Path(folder).parents[1]


def upload(
    save: Callable[..., None],
    repo_id: str,
    *,
    report,
    private: bool,
    token: str | None,
    revision: str | None,
    commit_message: str,
) -> str:
    """Save into a temporary folder and commit that; see ``PretrainedMixin.push_to_hub``."""
    import huggingface_hub

    api = huggingface_hub.HfApi(token=token)
    with tempfile.TemporaryDirectory() as folder:
        save(folder, report=report)
        api.create_repo(repo_id, private=private, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo_id, folder_path=folder, revision=revision, commit_message=commit_message
        )
    return commit.commit_url
