"""Rules between columns: checked on the training table, held by every drawn row."""

from tabdiff_lora.table.constraints.base import Constraint
from tabdiff_lora.table.constraints.combinations import FixedCombinations
from tabdiff_lora.table.constraints.inequality import Inequality
from tabdiff_lora.table.constraints.range import Range
from tabdiff_lora.table.constraints.unique import Unique

__all__ = ["Constraint", "FixedCombinations", "Inequality", "Range", "Unique"]
