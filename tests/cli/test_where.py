"""The language of --where: each text is one condition, values in the dtype of their column."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from tabdiff_lora import between, is_missing, is_present, one_of
from tabdiff_lora.cli.where import read_conditions
from tabdiff_lora.errors import ConditionError
from tabdiff_lora.table import TableEncoder
from tests.tables import every_kind


@pytest.fixture(scope="module")
def encoder():
    table = every_kind().assign(**{"str=": "a", "levels": pd.Categorical(["1..2", "a|b", "c"] * 20)})
    return TableEncoder(types={"int": "numerical"}).fit(table)


@pytest.mark.parametrize(
    ("text", "name", "condition"),
    [
        ("str=a", "str", one_of(["a"])),
        ("str==", "str=", one_of([""])),
        ("str==a", "str=", one_of(["a"])),
        ("str=>50K", "str", one_of([">50K"])),
        ("str=a|b", "str", one_of(["a", "b"])),
        ("str='a|b'", "str", one_of(["a|b"])),
        ('str="missing"', "str", one_of(["missing"])),
        ("str=missing", "str", is_missing()),
        ("str=present", "str", is_present()),
        ("levels=1..2", "levels", one_of(["1..2"])),
        ("levels=a|b", "levels", one_of(["a|b"])),
        ("levels=c|'1..2'", "levels", one_of(["c", "1..2"])),
        ("ordered=1..2", "ordered", between(1, 2)),
        ("int=30..40", "int", between(30, 40)),
        ("int=-3..40.5", "int", between(-3, 40.5)),
        ("int=30..", "int", between(30, None)),
        ("int=..40", "int", between(None, 40)),
        ("float=1e-3", "float", one_of([0.001])),
        ("bool=True", "bool", one_of([True])),
        ("boolean=false", "boolean", one_of([False])),
        ("decimal=1.50", "decimal", one_of([Decimal("1.50")])),
        ("day=2020-03-01..", "day", between(pd.Timestamp("2020-03-01"), None)),
        ("zoned=2020-03-01", "zoned", one_of([pd.Timestamp("2020-03-01", tz="Europe/Oslo")])),
        ("date=2020-03-01|2020-03-02", "date", one_of([date(2020, 3, 1), date(2020, 3, 2)])),
        ("timedelta=15min..1h", "timedelta", between(pd.Timedelta("15min"), pd.Timedelta("1h"))),
        ("period=2021-05", "period", one_of([pd.Period("2021-05", "M")])),
    ],
)
def test_a_text_is_a_condition(encoder, text, name, condition):
    read = read_conditions([text], encoder)
    assert read == {name: condition}
    assert str(read[name]) == str(condition)  # 1, 1.0 and True are equal, but not the same text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "colour=red",
            r"value of --where must be COLUMN=VALUE with a column of the table \(float, .*\)\. Got 'colour=red'",
        ),
        ("str", r"value of --where must be COLUMN=VALUE .* Got 'str' instead\."),
        ("int=old", r"value of --where int must be a number\. Got 'old' instead\."),
        ("bool=yes", r"value of --where bool must be true or false\. Got 'yes' instead\."),
        ("day=soon", r"value of --where day must be a date or time\. Got 'soon' instead\."),
        ("date=soon", r"value of --where date must be a date\. Got 'soon' instead\."),
        ("decimal=much", r"value of --where decimal must be a number\. Got 'much' instead\."),
        ("period=soon", r"value of --where period must be a period\. Got 'soon' instead\."),
        ("timedelta=long", r"value of --where timedelta must be a duration\. Got 'long' instead\."),
        ("int=40..30", r"low of between must not be above high"),
    ],
)
def test_what_cannot_be_read_is_refused(encoder, text, message):
    with pytest.raises(ConditionError, match=message):
        read_conditions([text], encoder)
