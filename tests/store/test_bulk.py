"""One insert of one row becomes statements of many rows, in both drivers' forms."""

import pytest

from gateway.store.bulk import WIDEST, BulkInsert

SQL = "INSERT INTO notes (id, text) VALUES (:id, :text)\nON CONFLICT (id) DO NOTHING"
ROWS = [{"text": f"t{n}", "id": n} for n in range(WIDEST + 3)]


def test_rows_are_put_together_in_order_and_the_rest_of_the_query_stays() -> None:
    made = list(BulkInsert(SQL).inserts(ROWS[:2]))
    assert made == [
        (
            "INSERT INTO notes (id, text) VALUES (?, ?), (?, ?)\nON CONFLICT (id) DO NOTHING",
            [0, "t0", 1, "t1"],
        )
    ]


def test_no_statement_takes_more_than_its_share() -> None:
    made = list(BulkInsert(SQL).inserts(ROWS))
    assert [len(values) for _, values in made] == [2 * WIDEST, 2 * 3]
    assert [value for _, values in made for value in values[::2]] == list(range(WIDEST + 3))


def test_new_rows_are_found_by_their_keys() -> None:
    assert list(BulkInsert(SQL).finds(ROWS[:3])) == [
        ("SELECT id FROM notes WHERE id IN (?, ?, ?)", [0, 1, 2])
    ]


def test_the_other_driver_names_and_marks_values_in_its_own_way() -> None:
    bulk = BulkInsert("INSERT INTO notes (id, text) VALUES (%(id)s, %(text)s)", mark="%s")
    assert bulk.names == ("id", "text")
    assert next(bulk.inserts(ROWS[:1])) == (
        "INSERT INTO notes (id, text) VALUES (%s, %s)",
        [0, "t0"],
    )


def test_nothing_makes_no_statement() -> None:
    assert list(BulkInsert(SQL).inserts([])) == []


def test_a_row_without_a_value_is_refused() -> None:
    with pytest.raises(KeyError, match="text"):
        list(BulkInsert(SQL).inserts([{"id": 1}]))


@pytest.mark.parametrize(
    "sql",
    ["UPDATE notes SET text = :text", "INSERT INTO notes (id, at) VALUES (:id, 0)"],
)
def test_what_is_no_insert_of_plain_parameters_is_refused(sql: str) -> None:
    with pytest.raises(ValueError, match=r"not an insert|no parameter"):
        BulkInsert(sql)
