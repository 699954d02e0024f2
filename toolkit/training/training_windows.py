"""The windows of the training split: tokenised once, and found again by every later run.

They are kept in the cache under the examples, the task and the tokenizer that they are made of.
Where the cache cannot be used, files of this process serve; where those cannot, memory.
"""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import StorageError
from toolkit.evaluation.predictions import Reader
from toolkit.runs.manifest import hash_of_examples
from toolkit.training.cache import Cache, is_own_code, key_of
from toolkit.training.events import Note, Watch
from toolkit.training.training_split import TrainingSplit
from toolkit.training.window_store import (
    UnstorableError,
    Windows,
    WindowStore,
    windows_in_memory,
    write_windows,
)
from toolkit.windows import Window, encoded

ODDITIES = "oddities.json"
MANY = 20_000  # examples whose windows take so long to make that it is said


def training_windows(reader: Reader, examples: Sequence[Any], cache: Cache, tell: Watch) -> Windows:
    """The windows of the training examples, which are let go of; `tell` hears what is odd."""
    windows, odd = _made(reader, examples, cache, tell)
    for note in reader.task.notes_on(odd, len(examples)):
        tell(Note(f"train: {note}"))
    return windows


def kept_windows(reader: Reader, examples: Sequence[Any], tell: Watch) -> Windows:
    """The windows of examples in memory, with their `where`; `tell` hears what is odd."""
    odd: Counter[str] = Counter()
    windows = windows_in_memory(_groups(reader, examples, odd), reader.task.num_left_out)
    for note in reader.task.notes_on(odd, len(examples)):
        tell(Note(f"train: {note}"))
    return windows


def _made(
    reader: Reader, examples: Sequence[Any], cache: Cache, tell: Watch
) -> tuple[Windows, Mapping[str, int]]:
    """The windows, and how many examples have which oddity."""
    if not reader.task.varies:
        try:
            found = _stored(reader, examples, cache, tell)
        except UnstorableError as error:
            tell(Note(f"train: windows are kept in memory: {error}"))
        except OSError as error:
            tell(Note(f"train: windows are kept in memory: no room for files ({error})"))
        else:
            if isinstance(examples, TrainingSplit):
                examples.forget()
            return found
    odd: Counter[str] = Counter()
    return windows_in_memory(_groups(reader, examples, odd), reader.task.num_left_out), odd


def _stored(
    reader: Reader, examples: Sequence[Any], cache: Cache, tell: Watch
) -> tuple[Windows, Mapping[str, int]]:
    def fill(folder: Path) -> None:
        if len(examples) >= MANY:
            tell(Note(f"train: making the windows of {len(examples):,} examples, once"))
        odd: Counter[str] = Counter()
        write_windows(folder, _groups(reader, examples, odd), reader.task.num_left_out)
        (folder / ODDITIES).write_text(json.dumps(odd), encoding="utf-8")

    if (key := _key_of(reader, examples)) is not None:
        try:
            return _found(cache.entry(f"windows-{key}", fill))
        except (OSError, StorageError) as error:
            tell(Note(f"cache: cannot be used, the windows are made for this run only ({error})"))
    with tempfile.TemporaryDirectory(prefix="toolkit-windows-") as folder:
        fill(Path(folder))
        return _found(Path(folder))  # maps outlive the names of the files


def _found(folder: Path) -> tuple[Windows, Mapping[str, int]]:
    odd = json.loads((folder / ODDITIES).read_text(encoding="utf-8"))
    return WindowStore(folder).windows(), odd


def _groups(reader: Reader, examples: Sequence[Any], odd: Counter[str]) -> Iterator[list[Window]]:
    """The windows of each example; oddities are counted as they go by."""
    for example in examples:
        group = reader.windows(example)
        odd.update(reader.task.oddities(example, group))
        yield group


def _key_of(reader: Reader, examples: Sequence[Any]) -> str | None:
    """What windows are made of; None where that cannot be said (code of a user's own)."""
    task, tokenizer = reader.task, reader.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or is_own_code(task, tokenizer):
        return None
    encoded(tokenizer, "a")  # each use sets what the backend does not write down, too
    made_of = {
        "examples": hash_of_examples(examples),
        "task": [type(task).__qualname__, task.model_dump_json()],
        "tokenizer": [
            type(tokenizer).__qualname__,
            backend.to_str(),
            backend.encode_special_tokens,
        ],
        "inputs": list(tokenizer.model_input_names),
        "unknown": tokenizer.unk_token_id,
        "size": list(reader.size),
    }
    return key_of(json.dumps(made_of))
