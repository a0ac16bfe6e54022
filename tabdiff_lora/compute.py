"""What to compute on: device, precision and threads, decided once per call and never set globally."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

BF16_PRODUCTS = ("amx_bf16", "avx512_bf16")
"""Instructions with which a CPU multiplies bfloat16 at least twice as fast as float32."""


def resolve_device(device: str | torch.device) -> torch.device:
    """``"auto"`` is CUDA where present, then MPS, then the CPU.

    Raises
    ------
    ValueError
        If the device is unknown to torch or not present on this machine.
    """
    if device != "auto":
        try:
            torch.empty(1, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(
                f"device must be 'auto' or a device of this machine. Got {device!r} instead. ({error})"
            ) from error
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def resolve_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Dtype of hidden states; ``"auto"`` is bfloat16 where the hardware multiplies it faster than float32."""
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported()
    else:
        capabilities = torch.cpu.get_capabilities()
        fast = device.type == "cpu" and any(capabilities.get(name, False) for name in BF16_PRODUCTS)
    return torch.bfloat16 if fast else torch.float32


@lru_cache(maxsize=256)
def constants(values: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Whole numbers on a device, int64, moved there once: a copy in every step would make a GPU wait for the CPU.

    To be read only.
    """
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=torch.int64, device=device)


def available_threads() -> int:
    """Threads this process may really use: its CPU affinity, cut by the container's CPU quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = Path("/sys/fs/cgroup/cpu.max")
    if quota.exists():
        limit, period = quota.read_text().split()
        if limit != "max":
            cores = min(cores, math.ceil(int(limit) / int(period)))
    return max(1, cores)


def usable_threads() -> int:
    """Threads that torch is set to, but no more than :func:`available_threads`."""
    return min(torch.get_num_threads(), available_threads())


@contextmanager
def limited_threads() -> Iterator[None]:
    """Run torch on :func:`usable_threads`, and put its setting back afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(usable_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)
