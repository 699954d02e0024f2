"""SQuAD files, version 1.1 and 2.0: questions about paragraphs, with answers at characters.

Every answer is looked up in its context; what is not where it says is mended only where it can be
meant in one way (see `answers`), and counted.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from toolkit.data.answers import answers_of, repairs
from toolkit.data.base import Data, Reading
from toolkit.data.fields import found, refusal
from toolkit.data.json_records import read_json
from toolkit.data.kinds import MISSING, text
from toolkit.data.kinds import name as name_of
from toolkit.data.recast import check_class, recast
from toolkit.data.table import named
from toolkit.data.text import counted, expand
from toolkit.errors import DataError
from toolkit.examples import Answer, Question
from toolkit.recipe.marks import shown


class Squad(Data):
    """SQuAD JSON: articles with paragraphs, each with a context and its questions.

    `train`, `dev` and `test` are paths; `${NAME}` in one is read from the environment.
    """

    def read(self, source: str, reads: type[Any] = Question) -> Reading:
        """The questions of a file; DataError with all of its faults."""
        return _reading(source, reads, gold=True)

    def read_bare(self, source: str, reads: type[Any] = Question) -> Reading:
        """The questions of a file, whose answers are not looked at."""
        return _reading(source, reads, gold=False)


class _Part(NamedTuple):
    """An object of the file and its JSON path."""

    path: str
    value: dict[str, Any]


def _reading(source: str, reads: type[Any], gold: bool) -> Reading:
    check_class(Question, reads, ("question", "context"), source)
    questions = _Questions(str(expand(source)), gold)
    examples = questions.read(read_json(source))
    if questions.faults:
        raise DataError(f"{questions.file}: {fault}" for fault in questions.faults)
    if not examples:
        raise DataError(f"{questions.file}: no question in it")
    glance = f"{counted(len(examples), 'question')}, {counted(questions.num_contexts, 'context')}"
    return Reading(recast(examples, reads), [glance, *questions.notes()])


class _Questions:
    """The questions of a file being read; faults and counts gather here."""

    def __init__(self, file: str, gold: bool) -> None:
        self.file = file
        self.gold = gold
        self.faults: list[str] = []
        self.repaired: Counter[str] = Counter()
        self.num_contexts = 0
        self.num_without = 0
        self._first_path: dict[str, str] = {}  # id of a question -> where it was first

    def read(self, value: Any) -> list[Question]:
        """The questions without a fault; the faults are in `faults` then."""
        if not isinstance(value, dict) or "data" not in value:
            it_has = f". It has {named(value)}" if isinstance(value, dict) and value else ""
            what = "no key 'data'" if isinstance(value, dict) else found(value)
            self.faults.append(f"{what}, expected SQuAD: an object with a list 'data'{it_has}")
            return []
        questions = []
        for article in self._objects(_Part("", value), "data"):
            title = article.value.get("title")
            document = title if isinstance(title, str) else ""
            for paragraph in self._objects(article, "paragraphs"):
                questions += self._paragraph(paragraph, document)
        return questions

    def notes(self) -> list[str]:
        """What the answers are like, and what was mended."""
        if not self.gold:
            return ["answers not read"]
        without = (
            [f"{counted(self.num_without, 'question')} without an answer"]
            if self.num_without
            else []
        )
        return without + repairs(self.repaired)

    def _paragraph(self, paragraph: _Part, document: str) -> list[Question]:
        context = self._text(paragraph, "context")
        self.num_contexts += 1
        questions = []
        for part in self._objects(paragraph, "qas"):
            question = self._text(part, "question")
            name = self._id(part)
            answers = self._answers(part, context) if self.gold and context else None
            if context and question and name:
                questions.append(Question(question, context, answers, name, document))
        return questions

    def _objects(self, part: _Part, key: str) -> Iterator[_Part]:
        """The objects of a list under a key."""
        value = part.value.get(key, MISSING)
        path = f"{part.path}.{key}".lstrip(".")
        if not isinstance(value, list):
            self.faults.append(refusal(path, value, "a list"))
            return
        for index, each in enumerate(value):
            if isinstance(each, dict):
                yield _Part(f"{path}[{index}]", each)
            else:
                self.faults.append(refusal(f"{path}[{index}]", each, "an object"))

    def _text(self, part: _Part, key: str) -> str | None:
        value = part.value.get(key, MISSING)
        try:
            return text(value)
        except ValueError as error:
            self._refuse(part, refusal(key, value, str(error)))
            return None

    def _id(self, part: _Part) -> str | None:
        """The id of a question, which no other has."""
        value = part.value.get("id", MISSING)
        try:
            name = name_of(value)
        except ValueError as error:
            self._refuse(part, refusal("id", value, str(error)))
            return None
        first = self._first_path.setdefault(name, part.path)
        if first != part.path:
            self.faults.append(f"{part.path}: id {shown(name)} again, as in {first}")
        return name

    def _answers(self, part: _Part, context: str) -> tuple[Answer, ...] | None:
        value = part.value.get("answers", MISSING)
        impossible = part.value.get("is_impossible", MISSING)
        if not isinstance(value, list):
            self._refuse(part, refusal("answers", value, "a list"))
            return None
        if impossible is not MISSING and not isinstance(impossible, bool):
            self._refuse(part, refusal("is_impossible", impossible, "true or false"))
            return None
        try:
            answers = answers_of(value, context, self.repaired)
        except ValueError as error:
            self._refuse(part, str(error))
            return None
        if not answers and impossible is MISSING:
            self._refuse(part, "answers: found none, expected some or is_impossible: true")
        elif bool(answers) == (impossible is True):
            has = counted(len(answers), "answer") if answers else "no answer"
            self._refuse(part, f"is_impossible: {found(impossible)} with {has}")
        self.num_without += not answers
        return answers

    def _refuse(self, part: _Part, fault: str) -> None:
        """Note a fault of a question or paragraph, with the id of a question."""
        name = part.value.get("id")
        of = f" (id {shown(name)})" if isinstance(name, (str, int)) else ""
        self.faults.append(f"{part.path}.{fault}{of}")
