"""BooleanEncoder: two levels, False and True."""

from __future__ import annotations

from tabdiff_lora.table.encoders.categorical import CategoricalEncoder


class BooleanEncoder(CategoricalEncoder):
    """Booleans, nullable or not, as codes; a missing one is a level of its own. Exact.

    Parameters
    ----------
    missing : {"generate", "never"}, default="generate"
    """

    kind = "boolean"

    def __init__(self, *, missing="generate"):
        super().__init__(missing=missing)
