"""A progress bar on standard error that measures the budget, not the steps."""

from __future__ import annotations

from tqdm.auto import tqdm


class ProgressBar:
    """Context manager whose :meth:`update` is a trainer's ``on_check``.

    Parameters
    ----------
    enabled : bool
        A disabled bar does nothing.
    """

    def __init__(self, enabled: bool):
        self.enabled = enabled

    def __enter__(self) -> ProgressBar:
        form = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=1.0, desc="fit", disable=not self.enabled, bar_format=form)
        return self

    def __exit__(self, *exc_info) -> None:
        self._bar.close()

    def update(self, record: dict, progress: float) -> None:
        """Show the newest record of the history."""
        self._bar.n = progress
        self._bar.set_postfix_str(f"step {record['step']}, held-out loss {record['validation_loss']:.4f}")
