"""Products of a few rows with a large matrix. What they cost is reading it from memory, and how they
do that decides: a product of two matrices copies the larger one first, and pays off for many rows
only.
"""

import numpy as np

from gateway.answers.engine import Matrix

#: Rows up to which a product is made one by one.
_FEW = 6
#: Columns of a block: the results of a row stay in the processor's own memory.
_WIDE = 2304


def times(few: Matrix, matrix: Matrix) -> Matrix:
    """The product of two matrices, quick for few rows as well."""
    if len(few) > _FEW:
        return few @ matrix
    found = np.empty((len(few), matrix.shape[1]), dtype=np.float32)
    for i, row in enumerate(few):
        np.dot(row, matrix, out=found[i])
    return found


def in_blocks(rows: Matrix) -> Matrix:
    """Rows [n, d] as `inner` reads them: columns of blocks [blocks, d, size], the last one filled up
    with zeros. One row after another, the processor adds a number of it times a line of the block to
    what it holds; that is a quarter faster than inner products with each column."""
    count = -(-len(rows) // _WIDE)
    size = -(-len(rows) // count)
    whole = np.zeros((count * size, rows.shape[1]), dtype=np.float32)
    whole[: len(rows)] = rows
    return np.ascontiguousarray(whole.reshape(count, size, -1).transpose(0, 2, 1))


def inner(few: Matrix, blocks: Matrix) -> Matrix:
    """Inner products of rows with those that lie in blocks, [len(few), blocks * size]."""
    count, _, size = blocks.shape
    found = np.empty((len(few), count * size), dtype=np.float32)
    for block, columns in zip(blocks, np.split(found, count, axis=1), strict=True):
        if len(few) > _FEW:
            np.matmul(few, block, out=columns)
        else:
            for row, products in zip(few, columns, strict=True):
                np.dot(row, block, out=products)
    return found
