"""The one table from the short names of a recipe to the classes they stand for.

Values are strings, so that looking a name up imports only what the recipe uses. A user's own
`package.module:Name` is taken as it stands, but only from a module that was allowed by name:
a recipe that someone downloaded must not run code.
"""

import difflib
import importlib
import inspect
import operator
import re
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

# block of the recipe -> its key that names a class -> the class
SELECTOR = {"task": "type", "model": "type", "data": "format"}
# block of the recipe -> what a class that it names has to derive from, one of them
KIND: dict[str, tuple[str, ...]] = {
    "task": ("toolkit.tasks.base:Task",),
    "model": ("toolkit.encoders.base:Encoder", "toolkit.baselines.base:Baseline"),
    "data": ("toolkit.data.base:Data",),
}
BUILT_IN: dict[str, dict[str, str]] = {
    "task": {
        "sequence-classification": "toolkit.tasks.sequence_classification:SequenceClassification",
        "token-classification": "toolkit.tasks.token_classification:TokenClassification",
        "question-answering": "toolkit.tasks.question_answering:QuestionAnswering",
        "masked-language-modelling": (
            "toolkit.tasks.masked_language_modelling:MaskedLanguageModelling"
        ),
    },
    "model": {
        "pretrained": "toolkit.encoders.pretrained:Pretrained",
        "new": "toolkit.encoders.new:New",
        "lstm": "toolkit.encoders.recurrent:Lstm",
        "gru": "toolkit.encoders.recurrent:Gru",
        "rnn": "toolkit.encoders.recurrent:Rnn",
        "transformer": "toolkit.encoders.transformer:Transformer",
        "majority": "toolkit.baselines.majority:Majority",
        "ngram-linear": "toolkit.baselines.ngram_linear:NgramLinear",
        "hmm": "toolkit.baselines.hmm:Hmm",
        "feature-crf": "toolkit.baselines.feature_crf:FeatureCrf",
        "sliding-window": "toolkit.baselines.sliding_window:SlidingWindow",
        "most-frequent-tag": "toolkit.baselines.most_frequent_tag:MostFrequentTag",
    },
    "data": {
        "conll": "toolkit.data.conll:Conll",
        "conllu": "toolkit.data.conll:Conllu",
        "csv": "toolkit.data.delimited:Csv",
        "tsv": "toolkit.data.delimited:Tsv",
        "jsonl": "toolkit.data.json_lines:JsonLines",
        "json": "toolkit.data.json_records:Json",
        "squad": "toolkit.data.squad:Squad",
        "text": "toolkit.data.plain_text:PlainText",
        "spans": "toolkit.data.spans:Spans",
        "parquet": "toolkit.data.columnar:Parquet",
        "arrow": "toolkit.data.columnar:Arrow",
        "hub": "toolkit.data.hub:Hub",
        "given": "toolkit.data.given:Given",
    },
}
_OWN = re.compile(r"[^\W\d][\w.]*:[^\W\d][\w.]*")
_LONGEST = 80  # characters of a name in a message, or worth comparing


class NoSuchClassError(ValueError):
    """A recipe names a class that is not there, is not allowed or does not fit."""


def look_up(block: str, name: str, allow_code: Collection[str] = ()) -> Any:
    """The class that `name` stands for in `block`; NoSuchClassError with the whole hint if none.

    `allow_code` holds the modules (or parents of modules) whose code a recipe may name.
    """
    if ":" not in name:
        address = BUILT_IN[block].get(name)
        if address is None:
            raise NoSuchClassError(
                f"{_no_such(block, name)}; or name your own as package.module:Name"
            )
        return at(address)
    if not _OWN.fullmatch(name):
        raise NoSuchClassError(f"{_shown(name)} is no package.module:Name")
    module = name.partition(":")[0]
    if not any(module == allowed or module.startswith(f"{allowed}.") for allowed in allow_code):
        raise NoSuchClassError(
            f"{name!r} is code of your own: allow it with --allow-code {module.partition('.')[0]}"
        )
    cls = _load_own(name)
    _check_kind(block, name, cls)
    return cls


def name_of(block: str, cls: type) -> str:
    """The name that a recipe uses for `cls`: its short one, or `package.module:Name`."""
    address = f"{cls.__module__}:{cls.__qualname__}"
    for name, built_in in BUILT_IN[block].items():
        if built_in == address:
            return name
    return address


def nearest(name: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest known name, or nothing where none is near."""
    spelled = {each.lower(): each for each in known}
    matches = difflib.get_close_matches(name[:_LONGEST].lower(), spelled, n=1, cutoff=0.6)
    return f" Did you mean {spelled[matches[0]]!r}?" if matches else ""


def _no_such(block: str, name: str) -> str:
    known = BUILT_IN[block]
    return f"no {block} is called {_shown(name)}.{nearest(name, known)} Known: {', '.join(known)}"


def _shown(name: str) -> str:
    return repr(name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…")


def at(address: str) -> Any:
    """What stands at `module:Name` of this package: the one way to a room above one's own."""
    module, _, attribute = address.partition(":")
    return operator.attrgetter(attribute)(importlib.import_module(module))


def _load_own(address: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    name, _, attribute = address.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the user's module was found, and something that it imports was not
        raise NoSuchClassError(f"no module {name!r} here or on the Python path") from None
    try:
        return operator.attrgetter(attribute)(module)
    except AttributeError:
        hint = nearest(attribute, [known for known in vars(module) if known[:1] != "_"])
        message = f"module {name!r} has no {attribute!r}"
        raise NoSuchClassError(f"{message}.{hint}" if hint else message) from None


def _check_kind(block: str, name: str, cls: Any) -> None:
    """NoSuchClassError where a class of the user's own cannot stand in `block`."""
    kinds = KIND[block]
    if not isinstance(cls, type) or not issubclass(cls, tuple(map(at, kinds))):
        expected = " or ".join(kinds)
        raise NoSuchClassError(f"{name!r} is no {block}: it does not derive from {expected}")
    own: Any = cls
    if inspect.isabstract(cls):
        raise NoSuchClassError(
            f"{name!r} does not define {', '.join(sorted(own.__abstractmethods__))}"
        )
    if SELECTOR[block] in own.model_fields:
        raise NoSuchClassError(
            f"{name!r} has a field {SELECTOR[block]!r}, which names the class itself"
        )
