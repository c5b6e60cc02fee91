"""Products for few rows are those of matrices."""

import numpy as np
import pytest

from gateway.answers.products import in_blocks, inner, times


def numbers(*shape):
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 40])
@pytest.mark.parametrize("known", [1, 2, 2304, 2305, 5000])
def test_inner_products_in_blocks_are_those_with_every_row(rows, known):
    few, many = numbers(rows, 16), numbers(known, 16)
    found = inner(few, in_blocks(many))
    assert found[:, :known] == pytest.approx(few @ many.T, abs=1e-4)
    assert found.shape[1] - known < 3
    assert not found[:, known:].any()


@pytest.mark.parametrize("rows", [0, 1, 6, 7])
def test_products_by_rows_are_those_of_matrices(rows):
    few, matrix = numbers(rows, 300), numbers(300, 20)
    for order in (matrix, np.asfortranarray(matrix)):
        assert times(few, order) == pytest.approx(few @ matrix, abs=1e-4)
