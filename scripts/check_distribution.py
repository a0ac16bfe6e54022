"""Refuse a wheel or sdist that lacks a file of the package or brings more.

python scripts/check_distribution.py [FOLDER, default dist]
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "tabdiff_lora/"


def files_of_the_checkout() -> set[str]:
    """All files of the package in this checkout."""
    paths = (ROOT / PACKAGE).rglob("*")
    return {p.relative_to(ROOT).as_posix() for p in paths if p.is_file() and p.suffix != ".pyc"}


def files_of_the_wheel(path: Path) -> set[str]:
    """All files of a wheel but those about it."""
    with zipfile.ZipFile(path) as wheel:
        return {name for name in wheel.namelist() if ".dist-info/" not in name}


def files_of_the_sdist(path: Path) -> set[str]:
    """All files of an sdist, below its own folder."""
    with tarfile.open(path) as sdist:
        names = (member.name.split("/", 1)[-1] for member in sdist.getmembers() if member.isfile())
        return {name for name in names if ".egg-info/" not in name}


def main(folder: str = "dist") -> None:
    """Compare the files; leave with 1 and their names if they differ."""
    (wheel,), (sdist,) = (sorted(Path(folder).glob(pattern)) for pattern in ("*.whl", "*.tar.gz"))
    expected, problems = files_of_the_checkout(), []
    found = files_of_the_wheel(wheel)
    problems += [f"wheel lacks {name}" for name in sorted(expected - found)]
    problems += [f"wheel brings {name}" for name in sorted(found - expected)]
    found = files_of_the_sdist(sdist)
    needed = expected | {"LICENSE", "README.md", "pyproject.toml", "setup.cfg"}
    problems += [f"sdist lacks {name}" for name in sorted(needed - found)]
    problems += [f"sdist brings {name}" for name in sorted(found) if name.startswith(("tests/", "docs/", "examples/"))]
    print("\n".join(problems) or f"{wheel.name} and {sdist.name} hold the {len(expected)} files of the package")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main(*sys.argv[1:])
