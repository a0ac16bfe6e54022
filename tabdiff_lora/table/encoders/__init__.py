"""One reversible encoder per kind of column, one kind per file."""

from tabdiff_lora.table.encoders.base import MISSING, Block, ColumnEncoder
from tabdiff_lora.table.encoders.boolean import BooleanEncoder
from tabdiff_lora.table.encoders.categorical import CategoricalEncoder
from tabdiff_lora.table.encoders.constant import ConstantEncoder
from tabdiff_lora.table.encoders.numerical import NumericalEncoder

__all__ = [
    "MISSING",
    "Block",
    "BooleanEncoder",
    "CategoricalEncoder",
    "ColumnEncoder",
    "ConstantEncoder",
    "NumericalEncoder",
]
