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
def seeded_initialisation(seeds: np.random.SeedSequence) -> Iterator[None]:
    """Let ``torch.nn`` initialise weights from a stream and restore its global generator afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(int(seeds.generate_state(1, np.uint64)[0] >> 1))
        yield
