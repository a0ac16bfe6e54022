"""What users are given: the files of the wheel, the licences of what it needs, the oldest versions."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from configparser import ConfigParser
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LICENCES = runpy.run_path(str(ROOT / "scripts" / "check_licences.py"))


@pytest.fixture
def config():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


@pytest.mark.parametrize(
    ("expression", "is_allowed"),
    [
        ("MIT", True),
        ("GPL-2.0-only", False),
        ("MIT OR GPL-2.0-only", True),
        ("MIT AND GPL-2.0-only", False),
        ("Apache-2.0 WITH LLVM-exception AND BSD-3-Clause", True),
        ("MIT AND (GPL-3.0-only OR Zlib)", True),
        ("Proprietary License of somebody", False),
        ("none", False),
    ],
)
def test_a_licence_is_allowed_if_what_it_asks_for_is_on_the_list(expression, is_allowed):
    assert LICENCES["is_allowed"](expression) == is_allowed


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": "MIT", "License": "something else"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License", "License": "something else"}, "BSD-3-Clause"),
        ({"License": "Apache License, Version 2.0\nand its text"}, "Apache-2.0"),
        ({"Classifier": "Programming Language :: Python"}, "none"),
    ],
)
def test_the_most_precise_word_about_a_licence_counts(fields, licence):
    metadata = Message()
    for name, value in fields.items():
        metadata[name] = value
    assert LICENCES["licence_of"](metadata) == licence


def test_what_we_need_may_be_used_by_anyone(capsys):
    with pytest.raises(SystemExit) as leaving:
        LICENCES["main"]()
    out = capsys.readouterr().out
    assert not leaving.value.code, out
    assert {"numpy", "torch", "filelock"} <= {line.split()[1] for line in out.splitlines()}


def test_all_files_of_the_package_that_are_not_python_are_shipped(config):
    files = {
        path.relative_to(ROOT / "tabdiff_lora").as_posix()
        for path in (ROOT / "tabdiff_lora").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    }
    told = {
        path.relative_to(ROOT / "tabdiff_lora").as_posix()
        for package, patterns in config["options.package_data"].items()
        for pattern in re.split(r"[,\s]+", patterns.strip())
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert files == told


def test_the_oldest_versions_are_those_of_the_requirements(config):
    done = subprocess.run(["bash", ROOT / "scripts" / "oldest"], capture_output=True, text=True, check=True)
    required = config["options"]["install_requires"].split()
    assert done.stdout.split() == [line.replace(">=", "==") for line in required]


def test_the_files_that_are_compared_with_a_wheel_are_those_of_the_checkout(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_distribution.py", tmp_path], capture_output=True, text=True
    )
    assert done.returncode != 0  # there is neither wheel nor sdist
    files = runpy.run_path(str(ROOT / "scripts" / "check_distribution.py"))["files_of_the_checkout"]()
    assert {"tabdiff_lora/py.typed", "tabdiff_lora/cli/program.py"} <= files
