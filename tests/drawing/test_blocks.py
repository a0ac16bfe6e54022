"""Blocks stand side by side, small ones first."""

import pytest

from tabdiff_lora.drawing.blocks import Places


@pytest.mark.parametrize("size", [1, 2, 5, 100, 2048])
def test_blocks_stand_side_by_side_and_each_row_knows_its_own(size):
    places = Places(size)
    row = 0
    for number in range(8):
        assert places.start(number) == row
        assert {places.block_of(r) for r in range(row, row + places.size(number))} == {number}
        row += places.size(number)
    assert places.size(7) == size


def test_a_few_rows_cost_an_eighth_of_a_block():
    assert [Places(2048).size(number) for number in range(6)] == [256, 256, 512, 1024, 2048, 2048]
