"""What the trainer knows of a data set: three splits, each a list of examples."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import model_validator

from toolkit.data.split import NAMES, Rule, Split, taker
from toolkit.data.take import Take, chosen
from toolkit.data.text import unreachable
from toolkit.errors import DataError
from toolkit.examples import Labels, Tagged
from toolkit.recipe.block import Block


class Reading(NamedTuple):
    """The examples of one split or file, and what was detected, repaired or dropped on the way."""

    examples: list[Any]
    notes: Sequence[str] = ()  # a sentence each, with the count


Walked = Generator[Any, None, Sequence[str]]  # examples, and the notes in the end


class Walk:
    """The examples of a source, read anew by whoever walks over them, and not kept.

    DataError with all faults once the last one went by: until then nothing is known of them.
    """

    def __init__(self, walk: Callable[[], Walked]) -> None:
        self._walk = walk
        self.notes: Sequence[str] = ()  # once all went by

    def __iter__(self) -> Iterator[Any]:
        self.notes = yield from self._walk()

    def reading(self) -> Reading:
        """All examples in memory."""
        return Reading(list(self), self.notes)


class Data(Block):
    """Where the examples are. Subclasses say how a file or split becomes examples."""

    reads_files: ClassVar[bool] = True  # whether a source is the path of a file

    train: str  # the split to learn from
    dev: str | None = None  # the split that chooses the best checkpoint
    test: str | None = None  # the split that is scored once, at the end
    split: Split | None = None  # rules for a file that holds several splits; null: each has its own
    take: Take | None = None  # learn from a part of the training examples; null: from all

    @model_validator(mode="after")
    def _name_divided_files(self) -> Self:
        """A split that a rule makes is a part of the training file where no other is named."""
        for name in self._rules():
            if getattr(self, name) is None:
                self.__dict__[name] = self.train
        return self

    def faults(self) -> list[tuple[str, str]]:
        """Faults between fields."""
        return [fault for name in self._rules() for fault in self._faults_of_rule(name)]

    @property
    def label_kind(self) -> Labels | None:
        """What a column of labels holds; None where there is none, or nothing says it."""
        return None

    def with_labels(self, kind: Labels | None) -> Self:
        """As a task reads labels, where the recipe leaves it open."""
        return self

    def read(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of one source, each of the class `reads`; DataError where it is wrong.

        A source is a path or the name of a split. Rules of `split` are not applied.
        """
        raise NotImplementedError

    def read_bare(self, source: str, reads: type[Any] = Tagged) -> Reading:
        """The examples of a source without gold, for prediction."""
        raise NotImplementedError

    def walked(self, source: str, reads: type[Any] = Tagged) -> Walked:
        """What `read` gives, one example after the other.

        A format whose examples need not be in memory together overrides this.
        """
        reading = self.read(source, reads)
        yield from reading.examples
        return reading.notes

    def missing(self) -> list[str]:
        """What of this data set is not here and cannot be fetched, a phrase each.

        Of files, those behind a variable. ToolkitError where it is the recipe that is wrong: a
        name that the Hub does not know.
        """
        return unreachable({name: self.path_of(path) for name, path in self.sources().items()})

    def path_of(self, source: str) -> str:
        """The path of the file that holds a source."""
        return source

    def sources(self) -> dict[str, str]:
        """The sources that the recipe names, by split."""
        return {name: source for name in NAMES if (source := getattr(self, name)) is not None}

    def splits(self, reads: type[Any] = Tagged, names: Sequence[str] = NAMES) -> dict[str, Reading]:
        """The splits that the recipe has, by name; a source that two of them name is read once.

        DataError where a source is wrong or a split is empty.
        """
        sources = {name: source for name, source in self.sources().items() if name in names}
        splits: dict[str, Reading] = {}
        for source in dict.fromkeys(sources.values()):
            own = [name for name in sources if sources[name] == source]
            splits |= self._parts(source, own, reads)
        splits = {name: splits[name] for name in sources}
        if self.take is not None and "train" in splits:
            splits["train"] = _part_of(splits["train"], self.take)
        for name, reading in splits.items():
            if not reading.examples:
                raise DataError(f"data.{name}: no examples in {sources[name]}, expected some")
        return splits

    def walk(self, name: str, reads: type[Any] = Tagged) -> Walk:
        """A split that the recipe has, as `splits` gives it, one example after the other."""
        source = self.sources()[name]
        rules = self._rules(source)
        wanted = name if name in rules else None

        def walked() -> Walked:
            whole = Walk(lambda: self.walked(source, reads))
            num_read = num_kept = 0
            for num_read, example in enumerate(whole, 1):
                if taker(num_read, example, rules) == wanted:
                    num_kept += 1
                    yield example
            if not num_kept:
                raise DataError(f"data.{name}: no examples in {source}, expected some")
            return [*self._rule_notes(name, num_kept, num_read), *whole.notes]

        if name != "train" or self.take is None:
            return Walk(walked)
        take = self.take
        return Walk(lambda: _taken(Walk(walked), take))

    def _parts(self, source: str, names: Sequence[str], reads: type[Any]) -> dict[str, Reading]:
        """What some splits have of their source; what others have of it is let go of."""
        rules = self._rules(source)
        if not rules:
            return dict.fromkeys(names, self.read(source, reads))
        parts: dict[str, list[Any]] = {name: [] for name in names}
        whole = Walk(lambda: self.walked(source, reads))
        num_read = 0
        for num_read, example in enumerate(whole, 1):
            taken = taker(num_read, example, rules)
            for name, part in parts.items():
                if taken == (name if name in rules else None):
                    part.append(example)
        return {
            name: Reading(part, [*self._rule_notes(name, len(part), num_read), *whole.notes])
            for name, part in parts.items()
        }

    def _rule_notes(self, name: str, num_kept: int, num_read: int) -> list[str]:
        """How much a split has of its source, where a rule says so."""
        rules = self._rules(getattr(self, name))
        if not rules:
            return []
        which = str(rules[name]) if name in rules else f"the rest of {' and '.join(rules)}"
        return [f"{num_kept:,} of the {num_read:,} examples of the file ({which})"]

    def is_divided(self, source: str) -> bool:
        """Whether rules say which split has which examples of a source."""
        return bool(self._rules(source))

    def _rules(self, source: str | None = None) -> dict[str, Rule]:
        """The rules by split, all or those that divide one source."""
        rules = {} if self.split is None else self.split.rules()
        return {
            name: rule
            for name, rule in rules.items()
            if source is None or getattr(self, name) == source
        }

    def _faults_of_rule(self, name: str) -> list[tuple[str, str]]:
        source = getattr(self, name)
        rules = self._rules(source)
        rest = [other for other in NAMES if other not in rules and getattr(self, other) == source]
        if name != next(iter(rules)):  # said once a file
            return []
        faults = []
        if len(rest) != 1:
            found = " and ".join(f"data.{other}" for other in rest) or "no split"
            message = f"found {found} for the rest of {source}, expected one"
            faults.append((f"split.{name}", message))
        if sum(rule.share or 0 for rule in rules.values()) >= 1:
            faults.append((f"split.{name}", "found shares of 1 or more, expected less together"))
        return faults


def _taken(walk: Walk, take: Take) -> Walked:
    """The examples that are taken, which is known when all went by once."""
    places = chosen(walk, take)
    number = 0
    for number, example in enumerate(walk, 1):
        if number - 1 in places:
            yield example
    return [_about_take(take, number), *walk.notes]


def _part_of(reading: Reading, take: Take) -> Reading:
    places = chosen(reading.examples, take)
    examples = [example for place, example in enumerate(reading.examples) if place in places]
    return Reading(examples, [_about_take(take, len(reading.examples)), *reading.notes])


def _about_take(take: Take, number: int) -> str:
    return f"{take.examples:,} of the {number:,} examples are learned from (seed {take.seed})"
