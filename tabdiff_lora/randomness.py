"""Randomness: one seed becomes independent local streams; the global generators are never touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from sklearn.utils import check_random_state


def seed_sequence(random_state: int | np.random.RandomState | None) -> np.random.SeedSequence:
    """The root of all streams: an int gives the same root each time, None a fresh one."""
    if random_state is None:
        return np.random.SeedSequence()
    if isinstance(random_state, (int, np.integer)):
        return np.random.SeedSequence(int(random_state))
    return np.random.SeedSequence(check_random_state(random_state).randint(2**31))


def torch_generator(seeds: np.random.SeedSequence, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch stream on a device."""
    return torch.Generator(device).manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))


def stream(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """The child stream with a given key: a function of root and key alone, however many were asked for before."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))


@contextmanager
def borrowed_generator(seeds: np.random.SeedSequence, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators from a stream and put them back as they were afterwards.

    For the two things that take no generator of their own: the initialisation of ``torch.nn`` modules and dropout.
    """
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.random.manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))
        yield
