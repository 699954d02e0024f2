"""What formats of rows share: columns, labels, examples of any class."""

from typing import Literal, NamedTuple

import pytest

from toolkit.data.delimited import Csv
from toolkit.data.json_lines import JsonLines
from toolkit.errors import WAYS_OUT, DataError, UnreachableError
from toolkit.examples import Answer, Question, Tagged, Text


class Review(NamedTuple):
    """An example class of a user's own."""

    body: str
    stars: int
    kind: Literal["film", "book"] = "film"
    parts: tuple[str, ...] = ()
    price: float | None = None
    bought: bool = False
    id: str = ""


class Sentence(NamedTuple):
    """Words and tags under other names."""

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None
    language: str = "en"


def jsonl(**options):
    return JsonLines(train="train.jsonl", **options)


def csv(**options):
    return Csv(train="train.csv", **options)


def refusal(data, source, reads=Text):
    with pytest.raises(DataError) as caught:
        data.read(source, reads)
    return [fault.replace(source, "") for fault in caught.value.faults]


# columns


def test_columns_are_found_by_the_names_of_the_fields(write):
    path = write('{"pair": "b", "label": "x", "text": "a", "id": "7", "note": 1}\n')
    reading = jsonl().read(path, Text)
    assert reading.examples == [Text("a", "b", "x", "7")]
    assert reading.notes == ["1 text; columns text, pair, label and id; 1 label"]


def test_a_recipe_names_columns_for_some_fields_and_the_others_are_found(write):
    path = write('{"text": "a", "note": "b", "mood": "x"}\n')
    reading = jsonl(columns={"label": "mood", "pair": "note"}).read(path, Text)
    assert reading.examples == [Text("a", "b", "x", "1")]


def test_a_field_that_is_null_in_columns_is_not_read(write):
    path = write('{"text": "a", "pair": "b", "label": "x", "id": [1]}\n')
    reading = jsonl(columns={"pair": None, "id": None}).read(path, Text)
    assert reading.examples == [Text("a", label="x", id="1")]


def test_a_usual_name_is_used_where_it_can_mean_one_thing(write):
    path = write('{"question": "a", "passage": "b", "answer": true, "title": "c"}\n')
    reading = jsonl().read(path, Text)
    assert reading.examples == [Text("a", "b", "true", "1")]
    assert reading.notes[1] == (
        "columns found by their usual names: text from 'question', pair from 'passage', "
        "label from 'answer'"
    )


def test_a_name_of_its_own_comes_before_usual_ones(write):
    path = write('{"text": "a", "sentence": "b", "label": "x", "category": "y"}\n')
    assert jsonl().read(path, Text).examples == [Text("a", label="x", id="1")]


def test_two_usual_names_are_a_question_to_the_user(write):
    path = write('{"sentence": "a", "review": "b", "label": "x"}\n')
    assert refusal(jsonl(), path) == [": text may be 'sentence' or 'review': set data.columns.text"]


def test_a_column_of_one_field_is_no_candidate_for_another(write):
    path = write('{"question": "a", "answer": "x", "category": "y"}\n')
    data = jsonl(columns={"pair": "answer"})
    assert data.read(path, Text).examples == [Text("a", "x", "y", "1")]


# labels


def test_numbers_become_names_by_a_file(write):
    names = write("bad\ngood", "labels.txt")
    path = write('{"text": "a", "label": 1}\n{"text": "b", "label": 0}\n')
    examples = jsonl(labels_file=names).read(path, Text).examples
    assert [example.label for example in examples] == ["good", "bad"]
    path = write("a,1\nb,0\n")
    examples = csv(labels_file=names, label_map={"bad": "poor"}).read(path, Text).examples
    assert [example.label for example in examples] == ["good", "poor"]


def test_several_numbers_become_names_by_a_file(write):
    names = write("a\nb\nc\n", "labels.txt")
    path = write('x,"0,2"\ny,\n')
    examples = csv(labels_file=names, labels="multi").read(path, Text).examples
    assert [example.label for example in examples] == [("a", "c"), ()]


def test_numbers_of_tags_become_names_by_a_file(write):
    names = write("O\nB-X\nI-X\n", "labels.txt")
    path = write('{"tokens": ["a", "b"], "ner_tags": [1, 2]}\n')
    assert jsonl(labels_file=names).read(path).examples[0].tags == ("B-X", "I-X")


def test_a_number_without_a_name_is_a_fault(write):
    names = write("a\nb\n", "labels.txt")
    path = write("x,2\ny,-1\nz,one\nw,0\n")
    assert refusal(csv(labels_file=names), path) == [
        f":{line}: column 1: found {value!r}, expected a number from 0 to 1 ({names})"
        for line, value in enumerate(["2", "-1", "one"], 1)
    ]


def test_a_file_of_names_is_checked(write):
    names = write("a\n\nb\na\n", "labels.txt")
    with pytest.raises(DataError) as caught:
        csv(labels_file=names).read(write("x,0\n"), Text)
    assert caught.value.lines() == [
        f"{names}:2: an empty line, expected the name of a label",
        f"{names}:4: label 'a' again, as in line 1",
    ]


def test_a_file_of_names_behind_a_variable_is_missing(monkeypatch):
    monkeypatch.delenv("SOME_DATA", raising=False)
    data = csv(labels_file="${SOME_DATA}/labels.txt")
    assert data.missing() == ["data.labels_file: the environment variable SOME_DATA is not set"]
    with pytest.raises(UnreachableError, match=WAYS_OUT):
        data.read("x", Text)


def test_another_separator_of_labels(write):
    path = write('{"text": "a", "label": "x, y|z"}\n')
    data = jsonl(labels="multi", label_separator="|")
    assert data.read(path, Text).examples[0].label == ("x, y", "z")


def test_numbers_stay_numbers(write):
    path = write('{"text": "a", "label": 3}\n{"text": "b", "label": 0.5}\n')
    reading = jsonl(labels="regression").read(path, Text)
    assert [example.label for example in reading.examples] == [3.0, 0.5]
    assert all(isinstance(example.label, float) for example in reading.examples)
    assert reading.notes == ["2 texts; columns text and label; numbers from 0.5 to 3"]


def test_labels_are_mapped_after_they_are_named(write):
    path = write('{"text": "a", "label": true}\n{"text": "b", "label": false}\n')
    reading = jsonl(label_map={"true": "yes", "maybe": "no"}).read(path, Text)
    assert [example.label for example in reading.examples] == ["yes", "false"]
    assert reading.notes[1:] == [
        "2 truth values read as names of labels, true and false",
        "label_map changed 1 label",
        "of label_map, not found here: maybe",
    ]


# words and tags


def test_tags_of_rows_become_iob2_and_labels_are_mapped(write):
    path = write(
        '{"tokens": ["Ann", "Lee", "ran"], "ner_tags": ["I-P", "I-P", "O"]}\n'
        '{"tokens": [], "ner_tags": []}\n{"tokens": ["Oslo"], "ner_tags": ["I-LOC"]}\n'
    )
    reading = jsonl(label_map={"I-P": "I-PER"}).read(path)
    assert reading.examples == [
        Tagged(("Ann", "Lee", "ran"), ("B-PER", "I-PER", "O"), "1"),
        Tagged(("Oslo",), ("B-LOC",), "3"),
    ]
    assert reading.notes == [
        "2 sentences, 4 words; columns tokens and ner_tags; scheme IOB1 (detected)",
        "columns found by their usual names: words from 'tokens', tags from 'ner_tags'",
        "label_map changed 2 tags",
        "2 tags IOB1 -> IOB2",
        "1 row without a word dropped",
    ]


def test_impossible_tags_are_repaired_where_the_recipe_says_so(write):
    path = write('{"words": ["a", "b"], "tags": ["O", "I-X"]}\n')
    data = jsonl(scheme="iob2", repair="conll")
    assert data.read(path).examples[0].tags == ("O", "B-X")


def test_words_in_a_cell_of_csv_are_parted_by_spaces(write):
    path = write("words,tags\nAnn ran,B-PER O\n")
    assert csv().read(path).examples == [Tagged(("Ann", "ran"), ("B-PER", "O"), "2")]


def test_words_to_predict_may_come_as_text(write):
    path = write('{"text": "Ann ran."}\n')
    assert jsonl().read_bare(path).examples == [
        Tagged(("Ann", "ran", "."), id="1", text="Ann ran.")
    ]
    path = write("Ann ran.\n")
    assert csv().read_bare(path).examples[0].words == ("Ann", "ran", ".")


# questions


def test_answers_in_the_form_of_the_hub_and_of_squad(write):
    path = write(
        '{"question": "a?", "context": "b c", "answers": {"text": ["c"], "answer_start": [2]}}\n'
        '{"question": "a?", "context": "b c", "answers": [{"text": "c", "start": 2}]}\n'
        '{"question": "a?", "context": "b c", "answers": {"text": "c", "answer_start": 2}}\n'
        '{"question": "a?", "passage": "b c", "context": "b c", "answers": []}\n'
    )
    reading = jsonl().read(path, Question)
    assert [example.answers for example in reading.examples] == [(Answer("c", 2),)] * 3 + [()]
    assert reading.notes[1] == "1 question without an answer"


def test_questions_to_predict_need_no_answers(write):
    path = write('{"question": "a?", "paragraph": "b c", "title": "t", "answers": 3}\n')
    assert jsonl().read_bare(path, Question).examples == [Question("a?", "b c", None, "1", "t")]


# classes of a user's own


def test_an_example_class_of_ones_own_is_filled_by_the_names_of_its_fields(write):
    path = write(
        '{"body": "a", "stars": 3, "kind": "book", "parts": ["b", "c"], "price": 2, '
        '"bought": true, "id": 4}\n{"body": "d", "stars": 1, "price": null}\n'.replace(
            '"stars": 1', '"stars": 1, "id": 5'
        )
    )
    assert jsonl().read(path, Review).examples == [
        Review("a", 3, "book", ("b", "c"), 2.0, True, "4"),
        Review("d", 1, id="5"),
    ]


def test_its_fields_are_read_from_text_where_a_file_has_only_text(write):
    path = write("body,stars,kind,parts,price,bought\na,3,book,b c,2.5,TRUE\nd,1,film,,,false\n")
    assert csv().read(path, Review).examples == [
        Review("a", 3, "book", ("b", "c"), 2.5, True, "2"),
        Review("d", 1, "film", id="3"),
    ]


def test_a_label_of_ones_own_type_is_no_name(write):
    class Rated(NamedTuple):
        text: str
        label: int

    reading = jsonl().read(write('{"text": "a", "label": 3}\n'), Rated)
    assert reading.examples == [Rated("a", 3)]
    assert reading.notes == ["1 text; columns text and label; numbers from 3 to 3"]
    path = write('{"text": "a", "label": "good"}\n')
    assert refusal(jsonl(), path, Rated) == [":1: label: found 'good', expected a whole number"]


def test_its_types_are_kept(write):
    good = '{"body": "a", "stars": 3}\n'
    path = write(
        good + '{"body": "a", "stars": "3"}\n{"body": "a", "stars": 3, "kind": "song"}\n'
        '{"body": "a", "stars": 3, "parts": ["b", 1]}\n{"body": "a", "stars": true}\n'
        '{"body": "a", "stars": 3, "bought": 1}\n{"body": "a", "stars": 3, "price": "2"}\n'
    )
    assert refusal(jsonl(), path, Review) == [
        ":2: stars: found '3', expected a whole number",
        ":3: kind: found 'song', expected 'film' or 'book'",
        ":4: parts: found a list, expected a list whose parts are each text",
        ":5: stars: found true, expected a whole number",
        ":6: bought: found 1, expected true or false",
        ":7: price: found '2', expected a number",
    ]
    assert refusal(jsonl(), write('{"body": "a"}\n'), Review) == [
        ": no column 'stars'. It has body: set data.columns.stars"
    ]


def test_words_and_tags_of_ones_own_class_are_read_like_those_of_tagged(write):
    path = write('{"words": ["a", "b"], "tags": ["I-X", "O"], "language": "de"}\n')
    assert jsonl().read(path, Sentence).examples == [Sentence(("a", "b"), ("B-X", "O"), "de")]


def test_a_class_that_is_no_named_tuple_cannot_be_filled(write):
    with pytest.raises(DataError, match="dict is no NamedTuple, so no file can fill it"):
        jsonl().read(write('{"a": 1}\n'), dict)
