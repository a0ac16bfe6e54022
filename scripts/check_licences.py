"""Refuse a dependency whose licence is not on the list.

python scripts/check_licences.py [PACKAGE, default tabdiff-lora]

Reads the installed packages that PACKAGE needs, directly or through others, without its extras. What they say of
themselves counts: an SPDX expression, else the classifiers, else the text of the field License.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import PackageMetadata as Metadata
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "HPND", "ISC", "MIT",
    "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Python-2.0", "Unlicense", "Zlib",
}  # fmt: skip

SPDX_OF = {  # what packages without an SPDX expression say
    "3-clause bsd": "BSD-3-Clause",
    "apache": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache 2.0 license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}


def tree(package: str) -> list[str]:
    """Name the installed packages that a package needs, itself left out, in alphabetical order.

    Parameters
    ----------
    package : str

    Raises
    ------
    SystemExit
        If one of them is not installed.
    """
    found, waiting = {}, [(package, ())]
    while waiting:
        name, extras = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower(), tuple(sorted(extras))
        if key in found:
            continue
        found[key] = name
        try:
            requirements = map(Requirement, distribution(name).requires or ())
        except PackageNotFoundError:
            raise SystemExit(f"package {name!r} must be installed. Got no such package instead.") from None
        for requirement in requirements:
            wanted = [{"extra": extra} for extra in ("", *extras)]
            if requirement.marker is None or any(map(requirement.marker.evaluate, wanted)):
                waiting.append((requirement.name, requirement.extras))
    return sorted({name for name, _ in found} - {re.sub(r"[-_.]+", "-", package).lower()})


def licence_of(metadata: Metadata) -> str:
    """Return the licence that a package names, as an SPDX expression where it can be read as one."""
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [text.split(" :: ") for text in metadata.get_all("Classifier") or ()]
    named = [parts[-1] for parts in classifiers if parts[0] == "License" and parts[-1] != "OSI Approved"]
    texts = named or [(metadata.get("License") or "").strip().splitlines()[0] if metadata.get("License") else "none"]
    return " AND ".join(f"{SPDX_OF.get(text.lower(), text)}" for text in texts)


def is_allowed(expression: str) -> bool:
    """Whether an SPDX expression can be met by licences on the list; exceptions (WITH) only ever allow more."""

    def word(match: re.Match) -> str:
        text = match[0]
        return text.lower() if text in ("AND", "OR", "and", "or") else str(text in ALLOWED)

    plain = re.sub(r"\s+WITH\s+[\w.+-]+", "", expression)
    try:
        return _truth(ast.parse(re.sub(r"[\w.+-]+", word, plain), mode="eval").body)
    except SyntaxError:
        return False


def _truth(node: ast.expr) -> bool:
    if isinstance(node, ast.BoolOp):
        return (all if isinstance(node.op, ast.And) else any)(map(_truth, node.values))
    return isinstance(node, ast.Constant) and node.value is True


def main(package: str = "tabdiff-lora") -> None:
    """Print the licence of each dependency; leave with 1 if one is not on the list."""
    licences = {name: licence_of(distribution(name).metadata) for name in tree(package)}
    refused = {name for name, licence in licences.items() if not is_allowed(licence)}
    for name, licence in licences.items():
        print(f"{'REFUSED' if name in refused else 'ok':<8} {name:<24} {licence}")
    sys.exit(bool(refused))


if __name__ == "__main__":
    main(*sys.argv[1:])
