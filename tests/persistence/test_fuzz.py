"""Whatever happens to a folder, loading it gives identical rows or one clear error, and never anything else.

Two attackers. Nature flips bits, cuts files short and swaps them: the checksums find it. A person seals the folder
again afterwards: then the readers are on their own.
"""

from __future__ import annotations

import json
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from tabdiff_lora import TabularDiffusionSynthesizer
from tabdiff_lora.errors import PersistenceError, TabDiffError
from tests.persistence.saved import quick, sealed
from tests.tables import every_kind

NAMES = ("manifest.json", "synthesizer.json", "arrays.safetensors", "network.safetensors")


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    """A folder of a table with columns of most kinds."""
    folder = tmp_path_factory.mktemp("intact")
    table = every_kind(40)[["price", "Int64", "decimal", "boolean", "str", "ordered", "zoned", "date", "period"]]
    quick(max_epochs=1).fit(table.assign(key=[f"k{i:03}" for i in table.index])).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(intact, tmp_path):
    """A copy of it, inside a folder of which nothing else may change."""
    return Path(shutil.copytree(intact, tmp_path / "folder"))


def flip(data: bytes, rng: random.Random) -> bytes:
    """Some bits turned around."""
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 50])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(data: bytes, rng: random.Random) -> bytes:
    """The beginning only."""
    return data[: rng.randrange(len(data))]


def grow(data: bytes, rng: random.Random) -> bytes:
    """Something behind the end, or in the middle."""
    place = rng.choice([len(data), rng.randrange(len(data))])
    return data[:place] + rng.randbytes(rng.randrange(1, 20)) + data[place:]


def blank(data: bytes, rng: random.Random) -> bytes:
    """A run of zeros, as a disk leaves it."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.randrange(1, 512))
    return data[:start] + bytes(end - start) + data[end:]


DAMAGE = (flip, cut, grow, blank)


def load(folder):
    return TabularDiffusionSynthesizer.from_pretrained(folder)


@pytest.mark.filterwarnings("ignore:column .* is taken for a")
@pytest.mark.parametrize("name", NAMES)
def test_damage_is_refused_or_changes_nothing(name, folder):
    rng, intact = random.Random(name), (folder / name).read_bytes()
    expected = load(folder).sample(5, random_state=0)
    n_loaded = 0
    for number in range(60):
        damaged = DAMAGE[number % len(DAMAGE)](intact, rng)
        (folder / name).write_bytes(damaged)
        try:
            synth = load(folder)
        except PersistenceError:
            continue
        n_loaded += 1
        assert damaged == intact or name == "manifest.json"  # where a blank may become another blank
        assert synth.sample(5, random_state=0).equals(expected)
    assert n_loaded < 6


@pytest.mark.filterwarnings("ignore:column .* is taken for a")
def test_swapped_files_are_refused(folder):
    for name in NAMES:
        for other in NAMES:
            if name != other:
                intact = (folder / name).read_bytes()
                (folder / name).write_bytes((folder / other).read_bytes())
                with pytest.raises(PersistenceError):
                    load(folder)
                (folder / name).write_bytes(intact)
    load(folder)


def survives(folder: Path) -> bool:
    """Load and draw; True if it works, False if the library refuses. Anything else is a failure of the test."""
    try:
        synth = load(folder)
    except PersistenceError:
        return False
    with suppress(TabDiffError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        assert len(synth.sample(2, random_state=0)) == 2  # may meet a part that loading did not need
    return True


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["arrays.safetensors", "network.safetensors"])
def test_sealed_damage_to_arrays_does_no_harm(name, folder):
    rng, intact = random.Random(name), (folder / name).read_bytes()
    header = 8 + int.from_bytes(intact[:8], "little")
    for number in range(60):
        damage = DAMAGE[number % len(DAMAGE)]
        whole = number % 3 == 0  # otherwise only the header, where the shapes are
        damaged = damage(intact, rng) if whole else damage(intact[:header], rng) + intact[header:]
        sealed(folder, **{name.replace(".", "_"): damaged})
        survives(folder)


VALUES = (
    None, True, -1, 0, 10**9, 10**30, -(10**30), 0.5, float("nan"), "", "x", "../../x", "/etc/passwd", "float64", [],
    {}, [[]],
    {"type": "array", "content": "0"}, {"type": "array", "content": "1"}, {"type": "dict", "content": {}},
    {"type": "TableSchema", "content": {"columns": []}}, {"type": "path", "content": "/etc/passwd"},
    {"type": "float", "content": "nan"}, {"type": "tensor", "content": {"type": "array", "content": "0"}},
)  # fmt: skip


def places(tree: object, path: tuple = ()):
    """Every place of a JSON tree."""
    if path:
        yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


@pytest.mark.filterwarnings("ignore")
def test_sealed_changes_of_the_json_do_no_harm(folder):
    rng, intact = random.Random(0), (folder / "synthesizer.json").read_bytes()
    everywhere = list(places(json.loads(intact)))
    others = sorted(path.name for path in folder.parent.iterdir())
    n_refused = 0
    for number in range(150):
        content = json.loads(intact)
        for _ in range(rng.choice([1, 1, 2])):
            *path, key = rng.choice(everywhere)
            try:
                parent = content
                for step in path:
                    parent = parent[step]
                if number % 4 == 0:
                    del parent[key]
                else:
                    parent[key] = rng.choice(VALUES)
            except (LookupError, TypeError):
                continue  # the first change has removed the place of the second
        sealed(folder, synthesizer_json=json.dumps(content).encode())
        n_refused += not survives(folder)
    assert n_refused > 30
    assert sorted(path.name for path in folder.parent.iterdir()) == others
