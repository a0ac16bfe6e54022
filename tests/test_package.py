"""The package as a whole: light to import, one-way inside, honest about its names, free of pickle."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import tabdiff_lora

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tabdiff_lora"
SOURCES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "transformers", "peft", "catboost", "pandas", "numpy", "sklearn", "matplotlib")

# Rooms from the door down to the cellar; a module may import its own room and those with a higher number.
# The rooms that share a number stand side by side and do not know each other.
LEVELS = {
    "cli": 0,
    "__main__": -1,
    "demo": 1,
    "benchmark": 1,
    "synthesizer": 3,
    "augment": 1,
    "presets": 2,
    "persistence": 4,
    "drawing": 4,
    "assembly": 4,
    "scoring": 5,
    "display": 7,
    "callbacks": 9,
    "training": 5,
    "sampling": 5,
    "correction": 8,
    "denoiser": 6,
    "diffusion": 7,
    "backbones": 7,
    "table": 8,
    "evaluation": 8,
    "datasets": 8,
    "conditions": 9,
    "tablefile": 9,
    "layout": 9,
    "state": 9,
    "compute": 9,
    "randomness": 9,
    "stratified": 9,
    "structural_zeros": 9,
    "testing": 4,
    "logs": 9,
    "errors": 10,
    "__init__": 11,
}
SIDE_BY_SIDE = [{"diffusion", "backbones"}, {"table", "evaluation"}, {"training", "sampling"}]
NO_TORCH = ("table", "correction", "evaluation", "datasets", "tablefile", "errors", "cli", "__init__", "__main__")


def name_of(path: Path) -> str:
    """Name a source file in a test id."""
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """Name the room of a source file: its folder inside the package, or the file itself."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, at its top or inside a function, except for type checking."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    only_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", None) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports inside the package are absolute"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "tabdiff_lora"}
    return found


def rooms_imported_by(path: Path) -> set[str]:
    """Rooms of this package that a file imports, its own left out."""
    names = [name.split(".") for name in imports_of(path)]
    rooms = {parts[1] if len(parts) > 1 else "__init__" for parts in names if parts[0] == "tabdiff_lora"}
    return (rooms & {room_of(source) for source in SOURCES}) - {room_of(path)}


def run_python(code: str) -> str:
    """Run code in a fresh interpreter; return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["tabdiff_lora", "tabdiff_lora.cli", "tabdiff_lora.errors"])
def test_importing_loads_nothing_heavy(module):
    loaded = run_python(f"import sys, {module}; print(*(m for m in {HEAVY!r} if m in sys.modules))")
    assert loaded == ""


def test_importing_takes_less_than_a_third_of_a_second():
    code = "import time; t = time.process_time(); import tabdiff_lora; print(time.process_time() - t)"
    assert min(float(run_python(code)) for _ in range(3)) < 0.3


def test_importing_leaves_the_root_logger_and_the_warnings_alone():
    code = "import logging, warnings; f = list(warnings.filters); import tabdiff_lora; "
    code += "print(logging.root.handlers, f == warnings.filters, logging.getLogger('tabdiff_lora').handlers)"
    assert run_python(code) == "[] True [<NullHandler (NOTSET)>]"


@pytest.mark.parametrize("name", sorted(set(tabdiff_lora.__all__) - {"__version__"}))
def test_public_names_exist(name):
    assert getattr(tabdiff_lora, name).__name__ == name
    assert name in dir(tabdiff_lora)


def test_public_names_are_told_the_same_to_python_and_to_type_checkers():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {alias.name: node.module for node in block.body for alias in node.names}
    assert told == {name: f"tabdiff_lora.{home}" for name, home in tabdiff_lora._HOME_OF.items()}
    assert {*told, "__version__"} == set(tabdiff_lora.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tabdiff_lora' has no attribute 'nope'"):
        tabdiff_lora.nope  # noqa: B018


def test_modules_are_reached_as_attributes():
    assert run_python("import tabdiff_lora; print(tabdiff_lora.errors.SchemaError.__name__)") == "SchemaError"
    assert {room for room in tabdiff_lora._MODULES if importlib.util.find_spec(f"tabdiff_lora.{room}") is None} == set()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_one_way(path):
    room = room_of(path)
    assert room in LEVELS, f"{room} has no place in the house yet: add it to LEVELS"
    for other in rooms_imported_by(path):
        assert LEVELS[room] < LEVELS[other], f"{room} must not import {other}"
        assert not any({room, other} <= neighbours for neighbours in SIDE_BY_SIDE), f"{room} must not know {other}"


@pytest.mark.parametrize("path", [path for path in SOURCES if room_of(path) in NO_TORCH], ids=name_of)
def test_rooms_without_torch_have_none(path):
    assert {name.split(".")[0] for name in imports_of(path)}.isdisjoint({"torch", "transformers", "peft"})


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_pickle_no_global_seed_no_print(path):
    assert {name.split(".")[0] for name in imports_of(path)}.isdisjoint(
        {"pickle", "cloudpickle", "dill", "joblib.dump"}
    )
    text = path.read_text(encoding="utf-8")
    for forbidden in ("torch.load(", "torch.save(", "np.random.seed(", "torch.manual_seed(", "except Exception"):
        assert forbidden not in text
    calls = [node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert "print" not in {getattr(function, "id", None) for function in calls}


def test_metadata_lives_in_setup_cfg_and_says_what_is_imported():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    required = {re.split(r"[<>=!~ ]", line)[0] for line in config["options"]["install_requires"].split("\n") if line}
    imported = {name.split(".")[0] for path in SOURCES for name in imports_of(path)}
    package_of = {"sklearn": "scikit-learn"}
    third_party = {package_of.get(name, name) for name in imported - set(sys.stdlib_module_names) - {"tabdiff_lora"}}
    optional = {"polars", "imblearn", "optuna", "bitsandbytes", "torchao", "huggingface_hub"}
    assert third_party - optional <= required
    assert "project" not in (ROOT / "pyproject.toml").read_text(encoding="utf-8").split()


def test_type_hints_are_shipped():
    assert (PACKAGE / "py.typed").read_text(encoding="utf-8") == ""


def test_pinned_versions_satisfy_the_requirements():
    from packaging.requirements import Requirement

    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    for line in config["options"]["install_requires"].strip().splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            assert requirement.specifier.contains(pinned[requirement.name]), line
