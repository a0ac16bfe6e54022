"""The hub, played by a stand-in: what is uploaded, what is asked for, and what is said when nothing is there."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.errors import PersistenceError
from tests.persistence.saved import assert_twins, fitted, quick
from tests.tables import gaussian_table


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub on disk, whose downloads are links into a cache, as the real one's are."""
    calls = []

    class StandIn:
        def __init__(self, token=None):
            calls.append(("token", token))

        def create_repo(self, repo_id, *, private, exist_ok):
            calls.append(("create", repo_id, private, exist_ok))

        def upload_folder(self, *, repo_id, folder_path, revision, commit_message):
            calls.append(("upload", repo_id, revision, commit_message))
            shutil.copytree(folder_path, tmp_path / "hub" / repo_id)
            return SimpleNamespace(commit_url=f"https://hub/{repo_id}/commit/1")

    def snapshot_download(repo_id, *, revision, allow_patterns, local_files_only):
        calls.append(("download", repo_id, revision, local_files_only))
        home = tmp_path / "hub" / repo_id
        if not home.is_dir():
            raise huggingface_hub.errors.LocalEntryNotFoundError("no such repository\nand more")
        blobs, snapshot = tmp_path / "cache" / "blobs", tmp_path / "cache" / "snapshots" / "1"
        blobs.mkdir(parents=True)
        snapshot.mkdir(parents=True)
        for name in allow_patterns:
            if (home / name).exists():
                shutil.copy(home / name, blobs / name)
                (snapshot / name).symlink_to(Path("..") / ".." / "blobs" / name)
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "HfApi", StandIn)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return SimpleNamespace(calls=calls, path=tmp_path)


def test_what_is_pushed_can_be_loaded(hub):
    synth = quick().fit(gaussian_table(60))
    assert synth.push_to_hub("me/wine", token="secret", revision="main") == "https://hub/me/wine/commit/1"
    assert hub.calls == [
        ("token", "secret"),
        ("create", "me/wine", True, True),  # private unless told
        ("upload", "me/wine", "main", "Add a synthesizer"),
    ]
    uploaded = {path.name for path in (hub.path / "hub" / "me" / "wine").iterdir()}
    assert uploaded == {
        "README.md", "manifest.json", "synthesizer.json", "arrays.safetensors", "network.safetensors"
    }  # fmt: skip
    copy = TabularDiffusionSynthesizer.from_pretrained("me/wine", revision="v1", local_files_only=True)
    assert hub.calls[-1] == ("download", "me/wine", "v1", True)
    assert_twins(copy, synth)


def test_links_out_of_the_cache_are_not_followed(hub):
    fitted().push_to_hub("me/wine", private=False)
    TabularDiffusionSynthesizer.from_pretrained("me/wine")
    snapshot = hub.path / "cache" / "snapshots" / "1"
    (hub.path / "outside").write_bytes(b"")
    (snapshot / "network.safetensors").unlink()
    (snapshot / "network.safetensors").symlink_to(hub.path / "outside")
    with pytest.raises(PersistenceError, match="must lie in the folder"):
        TabularDiffusionSynthesizer.from_pretrained(snapshot)


def test_a_repository_out_of_reach_is_one_sentence(hub):
    message = r"source of from_pretrained must be a folder or a repository within reach. Got 'me/nothing' instead. .*"
    with pytest.raises(PersistenceError, match=message + r"copy its files .*\(no such repository\)"):
        TabularDiffusionSynthesizer.from_pretrained("me/nothing")


@pytest.mark.parametrize("source", ["no/such/folder", "../x", "/no/such/folder", "a b", "me/..", "", Path("me/wine")])
def test_a_path_that_is_not_there_is_never_asked_of_the_hub(source, hub, monkeypatch):
    monkeypatch.chdir(hub.path)
    if source == "":
        source = "./nowhere"
    with pytest.raises(PersistenceError, match="must be a folder or the name of a repository. Got .* Check the path"):
        TabularDiffusionSynthesizer.from_pretrained(source)
    assert not hub.calls
