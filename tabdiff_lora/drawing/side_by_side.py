"""Blocks side by side: on a CPU, each core draws a block of its own.

A walk is some thousands of small operations, too small to be shared by cores. Blocks depend on their number alone, so
threads draw those that come next while the caller handles the one before. The rows are the same, and never more than
one block for each thread, and one more, wait in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from tabdiff_lora.backbones import Network
from tabdiff_lora.compute import usable_threads

MAX_WORKERS = 4
"""Between the operations only one thread at a time goes on: more would wait for each other."""

Item, Result = TypeVar("Item"), TypeVar("Result")


def n_workers_for(network: Network, device: torch.device) -> int:
    """How many blocks to draw side by side: one where a GPU draws, or where adapters are merged for a while."""
    if device.type != "cpu" or network.adapter is not None:
        return 1
    return min(usable_threads(), MAX_WORKERS)


def side_by_side(draw: Callable[[Item], Result], items: Iterable[Item], n_workers: int) -> Iterator[Result]:
    """Yield ``draw(item)`` of each item in order, the next ones drawn meanwhile.

    The workers share the threads that torch may use. What was begun is finished before the iterator closes.

    Parameters
    ----------
    draw : callable
        Safe to be called by several threads at once.
    items : iterable
    n_workers : int
        With 1 all is drawn by the calling thread, when it is asked for.
    """
    if n_workers < 2:
        yield from map(draw, items)
        return
    before, share, waiting = torch.get_num_threads(), max(usable_threads() // n_workers, 1), deque()
    try:
        with ThreadPoolExecutor(n_workers, "draw", torch.set_num_threads, (share,)) as pool:
            try:
                for item in items:
                    waiting.append(pool.submit(draw, item))
                    if len(waiting) > n_workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()
    finally:
        torch.set_num_threads(before)
