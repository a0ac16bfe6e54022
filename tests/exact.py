"""The exact denoisers, which ship with the laws."""

from tabdiff_lora.testing import ExactGaussianMixture, ExactJointTable, layout_of

__all__ = ["ExactGaussianMixture", "ExactJointTable", "layout_of"]
