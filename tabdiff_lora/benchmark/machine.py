"""What a measurement was made on, and what it cost."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tabdiff_lora import __version__

PACKAGES = ("catboost", "numpy", "pandas", "scikit-learn", "torch", "transformers", "peft")
OPENMP = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def describe_machine() -> dict[str, str | int | None]:
    """Name the processor, the cores this process may use, the operating system and how OpenMP was told to use threads.

    Returns
    -------
    dict
        With the keys ``cpu``, ``cores``, ``gpu``, ``system`` and the variables of ``OPENMP``, None where there is none.
        The GPU is told only by a process that computes with torch.
    """
    torch = sys.modules.get("torch")
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return {
        "cpu": _field_of("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(usable),
        "gpu": torch.cuda.get_device_name() if torch and torch.cuda.is_available() else None,
        "system": f"{platform.system()} {platform.machine()}",
        **{variable: os.environ.get(variable) for variable in OPENMP},
    }


def describe_versions() -> dict[str, str]:
    """Read the versions of Python and of the packages that a score depends on.

    Returns
    -------
    dict
        Package to version; absent packages are left out.
    """
    versions = {"python": platform.python_version(), "tabdiff-lora": __version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_commit() -> str | None:
    """Name the git commit of the library, with ``-dirty`` if its files differ from it.

    Returns
    -------
    str or None
        None outside a checkout.
    """
    package = Path(__file__).resolve().parents[1]
    command = ["git", "-C", str(package), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git
        return None
    return answer.stdout.strip() or None


def describe_origin() -> dict:
    """Tell what a record was made on.

    Returns
    -------
    dict
        With the keys ``machine``, ``versions`` and ``commit``.
    """
    return {"machine": describe_machine(), "versions": describe_versions(), "commit": describe_commit()}


@dataclass
class Cost:
    """What a block of code cost; filled in when the block ends.

    ``cpu_seconds`` is user and system time of all threads of this process. ``peak_memory`` (bytes) is the highest since
    the process began, so a fair reading needs a process of its own.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block.

    Yields
    ------
    Cost
    """
    cost, clock, cpu_clock = Cost(), time.perf_counter(), time.process_time()
    yield cost
    cost.seconds = time.perf_counter() - clock
    cost.cpu_seconds = time.process_time() - cpu_clock
    cost.peak_memory = _peak_memory()


def _peak_memory() -> int | None:
    # Not getrusage's ru_maxrss: across fork and exec it starts from the parent's peak.
    high_water = _field_of("/proc/self/status", "VmHWM")
    return int(high_water.split()[0]) * 1024 if high_water else None


def _field_of(path: str, name: str) -> str | None:
    """Read the value of ``name : value`` in a file of /proc; None where there is no such file."""
    if not Path(path).is_file():
        return None
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
