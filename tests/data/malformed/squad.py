"""Wrong SQuAD files."""

import json
from typing import Any

from tests.data.malformed import Wrong
from toolkit.examples import Text

CONTEXT = "In 1994 the Ministry of Truth moved from the old harbour to the new town, in 1994."
QA = "data[0].paragraphs[0].qas"


def squad(*questions: Any, context: Any = CONTEXT, **keys: Any) -> str:
    """A file with one paragraph."""
    paragraph = {"context": context, "qas": list(questions)}
    return json.dumps({"data": [{"title": "A", "paragraphs": [paragraph]}], **keys})


def question(*answers: Any, name: Any = "q1", **keys: Any) -> dict[str, Any]:
    """A question; an answer is its text and its start."""
    listed = [
        {"text": each[0], "answer_start": each[1]} if isinstance(each, tuple) else each
        for each in answers
    ]
    return {"id": name, "question": "What?", "answers": listed, **keys}


def without(keys: str, *answers: Any) -> dict[str, Any]:
    whole = question(*(answers or (("1994", 3),)))
    return {key: value for key, value in whole.items() if key not in keys.split()}


WRONG = [
    Wrong("empty", "", [": an empty file"]),
    Wrong("no-json", "id,question\n", [":1: no JSON from column 1 on: 'id,question'"]),
    Wrong("cut", squad(question(("1994", 3)))[:60], [
        ":1: JSON that ends inside a string, which begins in column 53"
    ]),
    Wrong("a-list-of-rows", '[{"question": "a"}]', [
        ": found a list, expected SQuAD: an object with a list 'data'"
    ]),
    Wrong("another-object", '{"rows": []}', [
        ": no key 'data', expected SQuAD: an object with a list 'data'. It has rows"
    ]),
    Wrong("no-articles", '{"data": []}', [": no question in it"]),
    Wrong("data-that-is-an-object", '{"data": {}}', [": data: found an object, expected a list"]),
    Wrong("an-article-that-is-null", '{"data": [null]}', [
        ": data[0]: found null, expected an object"
    ]),
    Wrong("an-article-without-paragraphs", '{"data": [{"title": "A"}]}', [
        ": data[0].paragraphs: missing, expected a list"
    ]),
    Wrong("a-paragraph-without-questions", '{"data": [{"paragraphs": [{"context": "a"}]}]}', [
        ": data[0].paragraphs[0].qas: missing, expected a list"
    ]),
    Wrong("no-context", squad(question(("1994", 3)), context=None), [
        ": data[0].paragraphs[0].context: found null, expected text"
    ]),
    Wrong("empty-context", squad(question(("1994", 3)), context=""), [
        ": data[0].paragraphs[0].context: found '', expected text"
    ]),
    Wrong("half-a-character-in-the-context", squad(question(("1994", 0)), context="1994 \ud800"), [
        ": data[0].paragraphs[0].context: found '1994 \\ud800', expected text without a half of a "
        "surrogate pair (at 5)"
    ]),
    Wrong("no-question", squad(without("question")), [
        f": {QA}[0].question: missing, expected text (id 'q1')"
    ]),
    Wrong("a-question-that-is-a-number", squad(question(("1994", 3), question=7)), [
        f": {QA}[0].question: found 7, expected text (id 'q1')"
    ]),
    Wrong("no-id", squad(without("id")), [
        f": {QA}[0].id: missing, expected an id, text or a whole number"
    ]),
    Wrong("ids-twice", squad(question(("1994", 3)), question(("1994", 3))), [
        f": {QA}[1]: id 'q1' again, as in {QA}[0]"
    ]),
    Wrong("ids-twice-as-number-and-text", squad(
        question(("1994", 3), name=1), question(("1994", 3), name="1")
    ), [f": {QA}[1]: id '1' again, as in {QA}[0]"]),
    Wrong("no-answers-key", squad(without("answers")), [
        f": {QA}[0].answers: missing, expected a list (id 'q1')"
    ]),
    Wrong("answers-that-are-an-object", squad(question(answers={"text": ["1994"]})), [
        f": {QA}[0].answers: found an object, expected a list (id 'q1')"
    ]),
    Wrong("an-answer-that-is-text", squad(question("1994")), [
        f": {QA}[0].answers[0]: found '1994', expected an object (id 'q1')"
    ]),
    Wrong("an-empty-answer", squad(question(("1994", 3), ("", 3))), [
        f": {QA}[0].answers[1].text: found '', expected text (id 'q1')"
    ]),
    Wrong("an-answer-without-text", squad(question({"answer_start": 3})), [
        f": {QA}[0].answers[0].text: missing, expected text (id 'q1')"
    ]),
    Wrong("an-answer-without-start", squad(question({"text": "1994"})), [
        f": {QA}[0].answers[0].answer_start: missing, expected a whole number (id 'q1')"
    ]),
    Wrong("a-start-that-is-text", squad(question(("1994", "3"))), [
        f": {QA}[0].answers[0].answer_start: found '3', expected a whole number (id 'q1')"
    ]),
    Wrong("a-start-that-is-a-fraction", squad(question(("1994", 3.0))), [
        f": {QA}[0].answers[0].answer_start: found 3.0, expected a whole number (id 'q1')"
    ]),
    Wrong("a-start-that-is-true", squad(question(("n", True))), [
        f": {QA}[0].answers[0].answer_start: found true, expected a whole number (id 'q1')"
    ]),
    Wrong("an-answer-far-from-its-start", squad(question(("old harbour", 3))), [
        f": {QA}[0].answers[0]: 'old harbour' is not at 3 ('1994 the Mi' is) but at 45 (id 'q1')"
    ]),
    Wrong("an-answer-that-occurs-twice-near-its-start", squad(
        question(("ab", 3)), context="ab cd ab ef gh"
    ), [f": {QA}[0].answers[0]: 'ab' is not at 3 ('cd' is) but at 0, 6 (id 'q1')"]),
    Wrong("an-answer-that-occurs-nowhere", squad(question(("Ministry of Love", 12))), [
        f": {QA}[0].answers[0]: 'Ministry of Love' is not at 12 ('Ministry of Trut' is) "
        "and occurs nowhere (id 'q1')"
    ]),
    Wrong("an-answer-in-other-letters", squad(question(("ministry", 12))), [
        f": {QA}[0].answers[0]: 'ministry' is not at 12 ('Ministry' is) "
        "and occurs nowhere (id 'q1')"
    ]),
    Wrong("a-start-behind-the-context", squad(question(("1994", 400))), [
        f": {QA}[0].answers[0]: '1994' is not at 400 but at 3, 77 (id 'q1')"
    ]),
    Wrong("a-start-before-the-context", squad(question(("harbour", -1))), [
        f": {QA}[0].answers[0]: 'harbour' is not at -1 but at 49 (id 'q1')"
    ]),
    Wrong("impossible-with-an-answer", squad(question(("1994", 3), is_impossible=True)), [
        f": {QA}[0].is_impossible: found true with 1 answer (id 'q1')"
    ]),
    Wrong("possible-without-an-answer", squad(question(is_impossible=False)), [
        f": {QA}[0].is_impossible: found false with no answer (id 'q1')"
    ]),
    Wrong("version-1-without-an-answer", squad(question()), [
        f": {QA}[0].answers: found none, expected some or is_impossible: true (id 'q1')"
    ]),
    Wrong("impossible-in-words", squad(question(("1994", 3), is_impossible="no")), [
        f": {QA}[0].is_impossible: found 'no', expected true or false (id 'q1')"
    ]),
    Wrong("faults-in-three-questions", squad(
        question(("1995", 3)), question(), question(("1994", 3), name="q3", question="")
    ), [
        f": {QA}[0].answers[0]: '1995' is not at 3 ('1994' is) and occurs nowhere "
        "(id 'q1')",
        f": {QA}[1]: id 'q1' again, as in {QA}[0]",
        f": {QA}[1].answers: found none, expected some or is_impossible: true (id 'q1')",
        f": {QA}[2].question: found '', expected text (id 'q3')",
    ]),
    Wrong("for-a-task-that-reads-texts", squad(question(("1994", 3))), [
        ": this format gives question, context, "
        "and the task reads Text (text, pair, label, id): set another data.format"
    ], reads=Text),
]  # fmt: skip
