"""Correction: what boosting still tells apart after training is mended by drawing a few rows again.

Drawn rows have a law q that is not quite the law p of the training rows. Boosted trees and boosted tables of two
columns, which see other things than a network does (a fine line, a step, the coast of a map), estimate p / q; the rows
of which q has too many then make place for such of which it has too few, and rows with two values that never stand
together (:mod:`tabdiff_lora.structural_zeros`) make place in any case. Nothing about the network changes.
"""

from tabdiff_lora.correction.density_ratio import MIN_ROWS, DensityRatio, n_drawn_rows, reserved_time
from tabdiff_lora.correction.replacement import replacing

__all__ = ["MIN_ROWS", "DensityRatio", "n_drawn_rows", "replacing", "reserved_time"]
