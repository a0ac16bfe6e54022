"""How many threads to use, and how: side by side, one each.

Threads that share one model fit wait for each other at every node of every tree, which on a busy machine costs far more
than it gains; so every computation here keeps to one thread, and independent computations run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed, effective_n_jobs
from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")
SMALL = 50_000  # values in a table up to which a second thread costs about as much as it saves


def n_threads(n_jobs: int | None, n_values: int) -> int:
    """Return how many threads may run: as told, or one on a small table and every available core on a larger one.

    Available are the cores of the process's affinity and of its container's quota.
    """
    if n_jobs is None:
        return 1 if n_values <= SMALL else cpu_count()
    return effective_n_jobs(n_jobs)


def side_by_side(tasks: Iterable[Callable[[], Result]], threads: int) -> list[Result]:
    """Run the tasks on so many threads, the libraries below them on one thread each; return their results in order."""
    libraries = ThreadpoolController()

    def alone(task: Callable[[], Result]) -> Result:
        with libraries.limit(limits=1, user_api="openmp"):  # a setting of the thread that makes it
            return task()

    with libraries.limit(limits=1, user_api="blas"):  # a setting of the process
        return Parallel(n_jobs=threads, require="sharedmem")(delayed(alone)(task) for task in tasks)
