"""The training examples, which are read when somebody asks for more than what is known of them.

A training split may be larger than memory. It is read once, an example after the other: the task
learns, and the examples are set aside for those who need them again. What a run needs of it beside
its windows is small: what the task learned, how many examples there are, their hash. That is kept
in the cache under what it was read from, so that the next start with the same files reads none.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self, overload

from pydantic import TypeAdapter

from toolkit.data.base import Data, Walk
from toolkit.data.split import NAMES
from toolkit.data.text import expand
from toolkit.errors import DataError, StorageError, UnreachableError
from toolkit.recipe.schema import Recipe
from toolkit.runs.manifest import bytes_of, hash_of_examples
from toolkit.tasks.base import Task
from toolkit.training.cache import Cache, hash_of_file, is_own_code, key_of
from toolkit.training.example_store import ExampleStore

NUM_FIRST = 16  # examples that are known without reading
FACTS = "facts.json"


class Facts(NamedTuple):
    """What is known of a split that is not read."""

    number: int
    sha256: str
    notes: Sequence[str]
    first: Sequence[Any]  # the first examples, `NUM_FIRST` or all
    task: Task | None = None  # with what it learned; None: not yet


class Source(NamedTuple):
    """The files that the training split alone is read from, and the block that reads them."""

    states: Mapping[Path, tuple[int, int]]  # size and time of change before they were hashed
    key: str

    @classmethod
    def of(cls, data: Data, task: Task) -> "Source | None":
        """None where what is read cannot be known from bytes, or where the code is a user's own."""
        if not reads_apart(data, task):
            return None
        if _file(data.path_of(data.train)) is None:
            return None
        paths = [data.path_of(data.train), *_strings(data)]
        states = {found: _state(found) for path in paths if (found := _file(path))}
        hashes = [hash_of_file(found) for found in states]
        left_out = {"dev", "test"} if data.is_divided(data.train) else {"dev", "test", "split"}
        options = data.model_dump_json(exclude=left_out)
        return cls(states, json.dumps([type(data).__qualname__, options, hashes]))

    def entry(self, task: Task) -> str:
        """The name of what is known of the split for a task."""
        return f"facts-{key_of(self.key, type(task).__qualname__, task.model_dump_json())}"

    def has_changed(self) -> bool:
        """Whether a file is another one than was hashed."""
        return any(
            not path.is_file() or _state(path) != state for path, state in self.states.items()
        )


def reads_apart(data: Data, task: Task) -> bool:
    """Whether the training split is read by itself, as one file that our own code reads.

    One file that is several splits as it stands is read once for all of them.
    """
    others = [source for name, source in data.sources().items() if name != "train"]
    is_shared = data.train in others and not data.is_divided(data.train)
    return data.reads_files and not is_own_code(data, task) and not is_shared


class TrainingSplit(Sequence[Any]):
    """Examples that are read from their source when they are needed, and can be let go of."""

    def __init__(self, survey: "Callable[[], Survey] | None", facts: Facts) -> None:
        self.survey = survey  # reads anew; None: these examples are nowhere else
        self.facts = facts
        self.source: Source | None = None  # None: nothing is kept of it
        self._examples: Iterable[Any] | None = None
        self._learned: tuple[Task, Task] | None = None  # a task, and it with what it learned

    @classmethod
    def of(cls, recipe: Recipe, cache: Cache) -> Self:
        """The training split of a recipe; not read where the cache knows it."""
        data, task = recipe.data, recipe.task
        source = Source.of(data, task)

        def survey() -> Survey:
            return Survey(data.walk("train", task.reads), source and task.reads, cache)

        if source is None:  # readers and tasks of a user's own get all examples at once
            reading = data.splits(task.reads, ["train"])["train"]
            return cls.given(reading.examples, reading.notes, survey)
        if facts := _known(cache, source.entry(task), task):
            split = cls(survey, facts)
        else:
            split = cls._learning(survey, task)
        split.source = source
        return split

    @classmethod
    def given(
        cls,
        examples: Sequence[Any],
        notes: Sequence[str] = (),
        survey: "Callable[[], Survey] | None" = None,
    ) -> Self:
        """Examples that are read already."""
        sha256 = hash_of_examples(examples)
        facts = Facts(len(examples), sha256, tuple(notes), tuple(examples[:NUM_FIRST]))
        split = cls(survey, facts)
        split._examples = examples
        return split

    @classmethod
    def _learning(cls, survey: "Callable[[], Survey]", task: Task) -> Self:
        """Examples that are read here, and learned from, one after the other."""
        seen: Any = survey()
        learned = task.learn(seen)  # our own tasks take an iterator
        seen.finish()
        split = cls(survey, seen.facts())
        split._examples, split._learned = seen.store, (task, learned)
        return split

    @property
    def sha256(self) -> str:
        """The hash of the examples."""
        return self.facts.sha256

    def learned(self, task: Task) -> Task:
        """The task with what it learns here."""
        if self._learned is not None and self._learned[0] == task:
            return self._learned[1]
        return self.facts.task or task.learn(self)

    def remember(self, asked: Task, task: Task, cache: Cache) -> None:
        """Keep what is known, once the examples were found without fault for the learned task.

        It is kept for the task as it was asked for, and for a recipe that holds what was learned,
        as that of a run does.
        """
        if self.source is None or self.facts.task is not None or self.source.has_changed():
            return
        text = _written(self.facts, task)
        if text is None:
            return
        names = {self.source.entry(asked)}
        if task.learn(self) == task:
            names.add(self.source.entry(task))
        # a cache that cannot be used is said where windows are to be stored
        with contextlib.suppress(OSError, StorageError):
            for name in names:
                cache.entry(name, lambda folder: _write(folder, text))

    def forget(self) -> None:
        """Let go of the examples; whoever asks for them again reads them again."""
        if self.survey is not None:
            self._examples = None

    def __len__(self) -> int:
        return self.facts.number

    @overload
    def __getitem__(self, place: int) -> Any: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Any]: ...

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(self._examples, Sequence):
            return self._examples[place]
        wanted = range(len(self))[place]
        if isinstance(wanted, range):
            first = self.facts.first
            if all(0 <= each < len(first) for each in (*wanted[:1], *wanted[-1:])):
                return [first[each] for each in wanted]
            return list(self)[place]
        return next(islice(self, wanted, None))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._read_anew() if self._examples is None else self._examples)

    def _read_anew(self) -> Iterator[Any]:
        assert self.survey is not None, "examples that are nowhere were let go of"
        seen = self.survey()
        yield from seen
        if seen.facts().sha256 != self.sha256:
            raise DataError("data.train: changed while the run was at work")
        self._examples = seen.store


class Survey:
    """Examples that go by once: what there is to know of them, and they themselves, set aside."""

    def __init__(self, walk: Walk, made: type[Any] | None, cache: Cache) -> None:
        """`made`: the class of the examples; None: they are not set aside."""
        self.walk = walk
        self.say = cache.say
        self.store = None if made is None else ExampleStore(made, cache.room())
        self.digest = hashlib.sha256()
        self.number = 0
        self.first: list[Any] = []
        self._rest = self._noted()
        self._begun = False

    def __iter__(self) -> Iterator[Any]:
        assert not self._begun, "examples that go by once were asked for twice"
        self._begun = True
        return self._rest

    def finish(self) -> None:
        """See the examples that nobody asked for; DataError with all faults."""
        for _ in self._rest:
            pass

    def facts(self) -> Facts:
        """What is known once all went by."""
        return Facts(
            self.number, self.digest.hexdigest(), tuple(self.walk.notes), tuple(self.first)
        )

    def _noted(self) -> Iterator[Any]:
        for example in self.walk:
            self.digest.update(bytes_of(example))
            self.number += 1
            if len(self.first) < NUM_FIRST:
                self.first.append(example)
            self._keep(example)
            yield example

    def _keep(self, example: Any) -> None:
        if self.store is None:
            return
        try:
            self.store.add(example)
        except OSError as error:
            self.store = None
            self.say(f"train: no room for a copy of the examples, read again each time ({error})")


def _strings(data: Data) -> Iterator[str]:
    """What may name another file that is read, such as one with the names of labels."""
    for name in type(data).model_fields:
        value = getattr(data, name)
        if isinstance(value, str) and name not in NAMES:
            yield value


def _file(path: str) -> Path | None:
    try:
        place = expand(path)
    except UnreachableError:  # reading says so
        return None
    return place if place.is_file() else None


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _known(cache: Cache, name: str, task: Task) -> Facts | None:
    try:
        place = cache.find(name)
        if place is None:
            return None
        found = json.loads((place / FACTS).read_text(encoding="utf-8"))
    except (OSError, StorageError):  # said where windows are to be stored
        return None
    learned = type(task).model_validate_json(found["task"])
    first = TypeAdapter(list[task.reads]).validate_json(found["first"])  # type: ignore[name-defined]
    return Facts(found["number"], found["sha256"], tuple(found["notes"]), tuple(first), learned)


def _written(facts: Facts, task: Task) -> str | None:
    """Facts as JSON; None where they would not come back the same."""
    adapter = TypeAdapter(list[task.reads])  # type: ignore[name-defined]
    try:
        first = adapter.dump_json(list(facts.first)).decode()
        learned = task.model_dump_json()
        is_same = adapter.validate_json(first) == list(facts.first)
        is_same = is_same and type(task).model_validate_json(learned) == task
    except ValueError:  # of a kind that JSON cannot hold
        return None
    known = {"number": facts.number, "sha256": facts.sha256, "notes": list(facts.notes)}
    return json.dumps({**known, "first": first, "task": learned}) if is_same else None


def _write(folder: Path, text: str) -> None:
    (folder / FACTS).write_text(text, encoding="utf-8")
