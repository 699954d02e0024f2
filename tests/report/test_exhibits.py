"""The examples that a page shows take no more room than it has."""

import pytest

from toolkit.cases import Case, Mark, Passage
from toolkit.report.exhibits import MOST_BYTES, exhibits
from toolkit.report.html import inline_json


def case(text, number, marks=()):
    return Case((Passage("text", text, tuple(marks)),), None, (str(number),), False, 0.5)


def written(found):
    return len(inline_json(found.data).encode())


@pytest.mark.parametrize("sign", ["a", "字", "<", "😀"])
def test_long_texts_in_any_script_leave_room_for_the_page(sign):
    said = {f"e{n}": case(f"{n}" + sign * 3000, n) for n in range(1000)}
    found = exhibits({"one": said})
    assert 0.95 * MOST_BYTES < written(found) < MOST_BYTES
    assert found.num_shown == len(found.data["cases"]) < found.num_total == 1000


def test_marks_of_many_models_take_room_too():
    def marked(n, model):
        marks = [Mark(10 * k, 10 * k + model + 1, f"label{k % 7}", "wrong") for k in range(40)]
        return case(f"{n}" + "x" * 400, n, marks)

    said = {f"m{m}": {f"e{n}": marked(n, m) for n in range(600)} for m in range(9)}
    found = exhibits(said)
    assert 0.95 * MOST_BYTES < written(found) < MOST_BYTES


def test_one_example_is_shown_however_large_it_is():
    found = exhibits({"one": {"e": case("x" * (2 * MOST_BYTES), 1)}})
    assert found.num_shown == 1


def test_a_text_that_examples_share_takes_its_room_once():
    said = {f"e{n}": case("x" * (MOST_BYTES // 2), n) for n in range(50)}
    assert exhibits({"one": said}).num_shown == 50
