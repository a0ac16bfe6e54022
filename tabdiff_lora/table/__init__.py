"""The table room: a DataFrame to arrays and back."""

from tabdiff_lora.table.encoded import EncodedTable
from tabdiff_lora.table.encoder import TableEncoder
from tabdiff_lora.table.encoders import (
    BooleanEncoder,
    CategoricalEncoder,
    ColumnEncoder,
    ConstantEncoder,
    NumericalEncoder,
)
from tabdiff_lora.table.schema import ColumnSchema, TableSchema, infer_schema

__all__ = [
    "BooleanEncoder",
    "CategoricalEncoder",
    "ColumnEncoder",
    "ColumnSchema",
    "ConstantEncoder",
    "EncodedTable",
    "NumericalEncoder",
    "TableEncoder",
    "TableSchema",
    "infer_schema",
]
