"""Rows from the synthesizer at the end of a pipeline, as they were before its first step."""

from __future__ import annotations

import narwhals as nw
import numpy as np
import pandas as pd


def sample_pipeline(pipeline, n_samples: int | None = None, **request):
    """Draw rows from the synthesizer at the end of a pipeline and undo the steps before it.

    Parameters
    ----------
    pipeline : fitted Pipeline whose last step has ``sample``
    n_samples, **request
        See :meth:`TabularDiffusionSynthesizer.sample`; conditions are on the columns that reach the synthesizer.

    Returns
    -------
    Rows as the pipeline was given them; a frame if it was fitted to one. A column that came as ``y`` is the last; it is
    called "target" where the steps have turned a frame into an array on the way.

    Raises
    ------
    TypeError
        If a step has no ``inverse_transform``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from tabdiff_lora import TabularDiffusionSynthesizer, sample_pipeline
    >>> X = load_iris(as_frame=True).data
    >>> pipe = make_pipeline(StandardScaler(), TabularDiffusionSynthesizer(max_epochs=1, random_state=0)).fit(X)
    >>> sample_pipeline(pipe, 3).shape
    (3, 4)
    """
    synth = pipeline[-1]
    rows = synth.sample(n_samples, **request)
    target = None
    if getattr(synth, "target_name_", None) is not None:
        is_frame = nw.dependencies.is_into_dataframe(rows)
        target = rows[synth.target_name_] if is_frame else rows[:, -1]
        rows = nw.from_native(rows).drop(synth.target_name_).to_native() if is_frame else rows[:, :-1]
    for name, step in reversed(pipeline.steps[:-1]):
        if step is None or step == "passthrough":
            continue
        if not hasattr(step, "inverse_transform"):
            raise TypeError(f"step {name!r} of the pipeline must have inverse_transform. Got {step!r} instead.")
        rows = step.inverse_transform(rows)
    if hasattr(pipeline, "feature_names_in_") and isinstance(rows, np.ndarray):
        rows = pd.DataFrame(rows, columns=pipeline.feature_names_in_)
    if target is None:
        return rows
    if isinstance(rows, pd.DataFrame):
        return rows.assign(**{str(synth.target_name_) if is_frame else "target": np.asarray(target)})
    return np.column_stack([rows, np.asarray(target)])
