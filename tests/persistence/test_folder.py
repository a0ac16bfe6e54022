"""A folder is what was written into it, or it is refused with one clear sentence."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load as arrays_of
from safetensors.numpy import save as file_of

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.errors import PersistenceError
from tabdiff_lora.persistence.folder import FILES, FORMAT, REQUIRED, read_folder, write_folder
from tests.persistence.saved import assert_twins, fitted, sealed

CONTENT = dict.fromkeys(REQUIRED, b"something")


def written(folder):
    write_folder(folder, CONTENT, "a card")
    return folder


def refuses(folder, message):
    with pytest.raises(PersistenceError, match=message):
        read_folder(folder)


def edited_manifest(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_what_was_written_is_read(tmp_path):
    assert read_folder(written(tmp_path / "new" / "folder")) == CONTENT
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(
        [*REQUIRED, "README.md", "manifest.json"]
    )


def test_a_second_save_replaces_the_first_and_leaves_other_files_alone(tmp_path):
    write_folder(tmp_path, dict.fromkeys(FILES, b"first"), "card")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert read_folder(written(tmp_path)) == CONTENT
    assert not (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_the_card_may_be_edited_and_files_may_be_added(tmp_path):
    (written(tmp_path) / "README.md").write_text("better words", encoding="utf-8")
    (tmp_path / ".gitattributes").write_text("", encoding="utf-8")
    assert read_folder(tmp_path) == CONTENT


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data + b"!", lambda data: b"X" + data[1:]])
def test_damage_is_found(name, damage, tmp_path):
    path = written(tmp_path) / name
    path.write_bytes(damage(path.read_bytes()))
    refuses(
        tmp_path, rf"{name} of .* must be as it was written \(9 bytes, SHA-256 .*\). Got a damaged file of \d+ bytes"
    )


@pytest.mark.parametrize("name", [*REQUIRED, "manifest.json"])
def test_a_missing_file_is_named(name, tmp_path):
    (written(tmp_path) / name).unlink()
    refuses(tmp_path, f"{name} of .* must be a file. Got none instead. Save it again, or get an intact copy")


def test_swapped_files_are_found(tmp_path):
    write_folder(tmp_path, {name: name.encode() for name in REQUIRED}, "card")
    one, other = tmp_path / REQUIRED[1], tmp_path / REQUIRED[2]
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)
    refuses(tmp_path, f"{REQUIRED[1]} of .* must be as it was written")


@pytest.mark.parametrize("number", [FORMAT + 1, 0, "1", None, 1.5])
def test_another_format_is_refused_before_anything_is_read(number, tmp_path):
    edited_manifest(written(tmp_path), lambda manifest: manifest.update(format=number))
    for name in REQUIRED:
        (tmp_path / name).unlink()
    refuses(tmp_path, rf"format of .* must be at most {FORMAT}. Got .* instead. Upgrade: `pip install -U tabdiff-lora`")


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "adapter/../../x", "extra.bin", "", "network.safetensors\0", "C:\\x", "~/x"]
)
def test_names_that_are_not_ours_are_refused(name, tmp_path):
    (tmp_path / "outside").write_bytes(b"secret")
    folder = written(tmp_path / "folder")
    edited_manifest(folder, lambda m: m["files"].update({name: {"bytes": 6, "sha256": "0" * 64}}))
    refuses(folder, "files of .* must be among synthesizer.json, .*. Got .* instead")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"format": 1}', b'{"format": 1, "files": 3}', b'{"format": 1, "files": [1]}',
     b"[" * 50_000, b"9" * 50_000, b'{"format": 1, "files": {}}', b'{"format": 1, "files": {"network.safetensors": 5}}',
     b" " * 200_000],
)  # fmt: skip
def test_a_damaged_manifest_is_refused(text, tmp_path):
    (written(tmp_path) / "manifest.json").write_bytes(text)
    refuses(tmp_path, "manifest.json of .* must be as it was written|files of .* must include synthesizer.json")


@pytest.mark.parametrize(
    "entry", [None, [], {}, {"bytes": "9", "sha256": "0"}, {"bytes": 9}, {"bytes": -5, "sha256": ""}]
)
def test_a_damaged_entry_is_refused(entry, tmp_path):
    edited_manifest(written(tmp_path), lambda manifest: manifest["files"].update({REQUIRED[0]: entry}))
    refuses(tmp_path, "must be as it was written")


def test_links_that_lead_outside_are_not_followed(tmp_path):
    folder = written(tmp_path / "folder")
    (tmp_path / "outside").write_bytes(b"something")
    for name in (REQUIRED[2], "manifest.json"):
        (folder / name).unlink()
        (folder / name).symlink_to(tmp_path / "outside")
        refuses(folder, f"{name} of .* must lie in the folder. Got a link to '.*outside' instead")


def test_links_in_circles_pipes_and_folders_are_no_files(tmp_path):
    for make in (lambda p: p.symlink_to(p), os.mkfifo, lambda p: p.mkdir()):
        folder = written(tmp_path / str(len(list(tmp_path.iterdir()))))
        (folder / REQUIRED[1]).unlink()
        make(folder / REQUIRED[1])
        refuses(folder, f"{REQUIRED[1]} of .* must be a file. Got none instead")


def test_saving_replaces_a_link_and_not_what_it_leads_to(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    folder.mkdir()
    outside.write_bytes(b"mine")
    for name in ("network.safetensors", "manifest.json", "README.md"):
        (folder / name).symlink_to(outside)
    assert read_folder(written(folder)) == CONTENT
    assert outside.read_bytes() == b"mine"


def test_saving_does_not_follow_a_linked_folder(tmp_path):
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    for path in (folder, outside):
        path.mkdir()
    (folder / "adapter").symlink_to(outside)
    with pytest.raises(PersistenceError, match="adapter of .* must lie in the folder. Got a link to .* Remove it"):
        write_folder(folder, dict.fromkeys(FILES, b"x"), "card")
    assert not list(outside.iterdir())


def test_saving_needs_a_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PersistenceError, match="folder of save_pretrained must be a folder. Got the file"):
        fitted().save_pretrained(tmp_path / "file")


def test_a_save_that_is_cut_off_leaves_no_valid_folder(tmp_path, monkeypatch):
    from tabdiff_lora.persistence import folder as module

    written(tmp_path)
    replace, calls = module._replace, []

    def cut_off(path, data):
        if len(calls) == 2:
            raise OSError("disk full")
        calls.append(path)
        replace(path, data)

    monkeypatch.setattr(module, "_replace", cut_off)
    with pytest.raises(OSError, match="disk full"):
        written(tmp_path)
    refuses(tmp_path, "manifest.json of .* must be a file. Got none")


# Folders that were tampered with and sealed again: the checksums are right, and the content is not.


@pytest.fixture
def folder(tmp_path):
    fitted().save_pretrained(tmp_path)
    return tmp_path


def loading_refuses(folder, message, **options):
    with pytest.raises(PersistenceError, match=message):
        TabularDiffusionSynthesizer.from_pretrained(folder, **options)


def with_tree(folder, change):
    content = json.loads((folder / "synthesizer.json").read_bytes())
    change(content["tree"]["content"], content)
    sealed(folder, synthesizer_json=json.dumps(content).encode())


def parameters(tree):
    return tree["parameters"]["content"]


def fitted_part(tree, name):
    return tree["fitted"]["content"][name]["content"]


NO_FIT = "content of .* must be a synthesizer of this format. Got what does not fit together"
TOO_LARGE = "network of a saved synthesizer must be as large as its weights"


@pytest.mark.parametrize("name", ["d_block", "n_blocks", "d_time", "n_frequencies"])
@pytest.mark.parametrize("size", [10**6, 10**10, 10**40])
def test_huge_networks_are_refused_before_they_are_built(name, size, folder):
    def enlarge(tree, _):
        notes = tree["denoiser"]["content"]["notes"]["content"]  # what was "auto" is read from here
        (notes if name in notes else fitted_part(tree, "backbone_"))[name] = size

    with_tree(folder, enlarge)
    loading_refuses(folder, f"{TOO_LARGE}|{NO_FIT}")


def test_huge_shapes_in_a_weight_file_are_refused(folder):
    header = json.dumps({"time.mlp.0.weight": {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}})
    data = len(header).to_bytes(8, "little") + header.encode() + bytes(4)
    sealed(folder, network_safetensors=data)
    loading_refuses(folder, NO_FIT)


def test_other_weights_are_refused_by_name(folder):
    tensors = arrays_of((folder / "network.safetensors").read_bytes())
    tensors["time.mlp.0.weight"] = np.zeros((3, 3), np.float32)
    sealed(folder, network_safetensors=file_of(tensors))
    loading_refuses(folder, r"shape of saved weight 'time.mlp.0.weight' must be \[64, 64\]. Got \[3, 3\] instead")
    del tensors["time.mlp.0.weight"]
    sealed(folder, network_safetensors=file_of(tensors))
    loading_refuses(folder, r"shape of saved weight 'time.mlp.0.weight' must be \[64, 64\]. Got None instead")


@pytest.mark.parametrize(
    "change",
    [
        lambda tree, content: content.pop("tree"),
        lambda tree, content: content.update(tree=[1]),
        lambda tree, content: content.update(history={"step": {"dtype": "nonsense", "values": []}}),
        lambda tree, content: tree["fitted"]["content"].pop("encoder_"),
        lambda tree, content: tree["fitted"]["content"].update(encoder_=None),
        lambda tree, content: tree["fitted"]["content"].update(backbone_={"type": "Range", "content": {}}),
        lambda tree, content: tree["denoiser"]["content"].update(process=None),
        lambda tree, content: tree["denoiser"]["content"].pop("tensors"),
        lambda tree, content: parameters(tree).update(no_such_parameter=1),
        lambda tree, content: parameters(tree).update(learning_rate="fast"),
        lambda tree, content: fitted_part(tree, "encoder_").pop("arrangement_"),
        lambda tree, content: fitted_part(tree, "encoder_").update(encoders_={"type": "dict", "content": {}}),
        lambda tree, content: fitted_part(tree, "encoder_").update(schema_={"type": "array", "content": "99999"}),
        lambda tree, content: tree["fitted"]["content"].update(x_={"type": "Sampler", "content": {}}),
        lambda tree, content: tree["fitted"]["content"].update(x_={"type": "array"}),
        lambda tree, content: tree["fitted"]["content"].update(x_={"type": ["array"], "content": 0}),
        lambda tree, content: tree["fitted"]["content"].update(x_={"type": "period", "content": [1, "no"]}),
    ],
)
def test_content_that_does_not_fit_together_is_refused(change, folder):
    with_tree(folder, change)
    loading_refuses(folder, NO_FIT)


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"\xff", b"[" * 200_000, b'{"tree": NaN}'])
def test_json_that_is_none_is_refused(data, folder):
    sealed(folder, synthesizer_json=data)
    loading_refuses(folder, NO_FIT)


def test_classes_from_elsewhere_are_refused(folder):
    with_tree(folder, lambda tree, _: parameters(tree).update(sampler={"type": "os.system", "content": {}}))
    loading_refuses(folder, "classes of a saved synthesizer must be this library's, .*Got 'os.system' instead")


def test_an_untouched_folder_is_sealed_as_it_was(folder):
    with_tree(folder, lambda tree, content: None)
    assert_twins(
        TabularDiffusionSynthesizer.from_pretrained(folder), TabularDiffusionSynthesizer.from_pretrained(folder)
    )
