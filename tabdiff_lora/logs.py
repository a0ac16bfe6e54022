"""The log of the library, shown on standard error for as long as a call asks for it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

PACKAGE = logging.getLogger("tabdiff_lora")


class _BesideProgressBars(logging.Handler):
    """Writes lines to standard error, above any progress bar that stands there."""

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(line, file=sys.stderr)
        else:
            sys.stderr.write(f"{line}\n")


@contextmanager
def shown_log(level: int | None) -> Iterator[None]:
    """Show records of this level and above inside the block; the settings of the logger return afterwards.

    Parameters
    ----------
    level : int or None
        Such as ``logging.INFO``; None shows nothing.
    """
    if level is None:
        yield
        return
    handler, before = _BesideProgressBars(), PACKAGE.level
    PACKAGE.addHandler(handler)
    PACKAGE.setLevel(level)
    try:
        yield
    finally:
        PACKAGE.removeHandler(handler)
        PACKAGE.setLevel(before)
