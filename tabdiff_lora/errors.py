"""Errors and warnings: the type says whose mistake it is, the message names the column, the value and the cure."""

from __future__ import annotations


class TabDiffError(Exception):
    """Base of every error this library raises on purpose."""


class SchemaError(TabDiffError, ValueError):
    """The table does not have the columns or kinds it should have; lists every problem at once."""


class EncodingError(TabDiffError, ValueError):
    """A value cannot be encoded without losing information."""


class ConditionError(TabDiffError, ValueError):
    """A condition names an unknown column or a value that was never seen."""


class ConstraintError(TabDiffError, ValueError):
    """The training table itself violates a declared constraint."""


class TrainingError(TabDiffError, RuntimeError):
    """Training went numerically wrong; says in which epoch and which block."""


class SamplingError(TabDiffError, RuntimeError):
    """Sampling went wrong or cannot satisfy a condition; ``partial`` holds the rows drawn so far, if any."""

    def __init__(self, message: str, partial=None):
        super().__init__(message)
        self.partial = partial


class PersistenceError(TabDiffError, ValueError):
    """A saved folder is incomplete, corrupted or newer than this library."""


class MissingDependencyError(TabDiffError, ImportError):
    """An optional package is absent; the message holds the pip line that installs it."""


class ModelLoadingError(TabDiffError, OSError):
    """A language model is neither here nor within reach; the message says how to get it."""


class PrivacyWarning(UserWarning):
    """Something about the request or the result may disclose training rows."""
