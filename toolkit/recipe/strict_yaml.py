"""A strict reader of YAML: what stands in the file is what arrives, with its line.

PyYAML's scanner and parser do the syntax; the meaning is ours (`scalars.py`), because PyYAML
keeps the last of two equal keys and reads YAML 1.1. Tags, anchors, aliases and second documents
are refused: a recipe has no use for them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import yaml

from toolkit.recipe.marks import Fault, KeyPath, Node, Place, shortened, shown
from toolkit.recipe.scalars import core_value
from toolkit.recipe.yaml_syntax import in_plain_words

LARGEST_FILE = 1_000_000  # bytes
DEEPEST = 20  # keys and indices from the top to a value


class Document(NamedTuple):
    """What a text says, as far as it could be read, and what is wrong with its form."""

    root: Node | None  # None: nothing could be read
    faults: list[Fault]


def read_file(path: Path) -> Document:
    """The document in a file."""
    source = str(path)
    try:
        with open(path, "rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        return _nothing(source, f"cannot be read: {(error.strerror or str(error)).lower()}")
    except ValueError:  # a NUL in the name
        return _nothing(source, "cannot be read: no file can have this name")
    if len(data) > LARGEST_FILE:
        return _nothing(source, f"is larger than {LARGEST_FILE:,} bytes, too large for a recipe")
    try:
        return read(data.decode("utf-8-sig"), source)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return _nothing(source, f"byte 0x{data[error.start]:02x} is not UTF-8", line)


def read(text: str, source: str, has_lines: bool = True) -> Document:
    """The document that a text holds. A fault of syntax ends it; the others are collected."""
    try:
        reader = _Reader(yaml.SafeLoader(text), source, has_lines)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if has_lines else None
        return _nothing(source, f"character U+{error.character:04X} is not allowed", line)
    try:
        return Document(reader.document(), reader.faults)
    except yaml.MarkedYAMLError as error:
        reader.stop(*in_plain_words(error))
    except (ValueError, OverflowError):  # of chr() in PyYAML's scanner
        reader.stop("an escape for a character that Unicode does not have", reader.line)
    except _TooDeepError as error:
        reader.stop(f"more than {DEEPEST} levels deep", error.line)
    return Document(None, reader.faults)


class _TooDeepError(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


class _Reader:
    """Events in, nodes out. PyYAML's composer is not used: it resolves tags and follows aliases."""

    def __init__(self, loader: yaml.SafeLoader, source: str, has_lines: bool) -> None:
        self.loader = loader
        self.source = source
        self.has_lines = has_lines
        self.faults: list[Fault] = []

    @property
    def line(self) -> int:
        """The line that the scanner has come to."""
        return int(self.loader.line) + 1

    def next(self) -> Any:
        return self.loader.get_event()  # type: ignore[no-untyped-call]

    def document(self) -> Node:
        self.next()  # the start of the stream
        event = self.next()
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, self.place(1))
        root = self.node(self.next(), ())
        self.next()  # the end of the document
        event = self.next()
        if not isinstance(event, yaml.StreamEndEvent):
            self.fault(event, (), "a second document, expected one")
        return root

    def place(self, line: int) -> Place:
        return Place(self.source, line if self.has_lines else None)

    def place_of(self, event: Any) -> Place:
        return self.place(event.start_mark.line + 1)

    def fault(self, event: Any, path: KeyPath, message: str, *, final: bool = False) -> None:
        self.faults.append(Fault(self.place_of(event), path, message, final))

    def stop(self, message: str, line: int) -> None:
        self.faults.append(Fault(self.place(line), (), message))

    def node(self, event: Any, path: KeyPath) -> Node:
        if len(path) > DEEPEST:
            raise _TooDeepError(event.start_mark.line + 1)
        self.refuse_names(event, path)
        value: Any = None
        if isinstance(event, yaml.MappingStartEvent):
            value = self.mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self.sequence(path)
        elif isinstance(event, yaml.ScalarEvent):
            value = self.scalar(event, path)
        return Node(value, self.place_of(event))

    def mapping(self, path: KeyPath) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.key(event, path)
            inner = (*path, "" if key is None else key)
            node = self.node(self.next(), inner)._replace(key=self.place_of(event))
            if key in nodes:
                first = nodes[key].key or nodes[key].place
                self.fault(event, inner, f"given twice, first on line {first.line}")
            elif key is not None:
                nodes[key] = node
        return nodes

    def sequence(self, path: KeyPath) -> list[Node]:
        nodes: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            nodes.append(self.node(event, (*path, len(nodes))))
        return nodes

    def key(self, event: Any, path: KeyPath) -> str | None:
        """The key that an event begins, or None where it is no text."""
        if not isinstance(event, yaml.ScalarEvent):
            self.skip(event)
            message = "found an alias, a list or a block as a key, expected text"
            self.fault(event, (*path, "?"), message)
            return None
        path = (*path, event.value)
        self.refuse_names(event, path)
        key = self.scalar(event, path)
        if isinstance(key, str):
            return key
        message = f"found {shown(key)} as a key, expected text (put it in quotes)"
        self.fault(event, path, message)
        return None

    def skip(self, event: Any) -> None:
        """Read on to the end of what an event begins."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise _TooDeepError(event.start_mark.line + 1)
            if depth == 0:
                return
            event = self.next()

    def scalar(self, event: Any, path: KeyPath) -> Any:
        try:
            value = event.value if event.style else core_value(event.value)
            return _whole(value) if isinstance(value, str) else value
        except OverflowError:
            message = f"found {shortened(event.value)}, expected a number of at most 64 bits"
            value = 0
        except UnicodeDecodeError:
            message = "an escape for half a character, expected the character itself"
            value = ""
        self.fault(event, path, message, final=True)
        return value

    def refuse_names(self, event: Any, path: KeyPath) -> None:
        anchor, tag = event.anchor, getattr(event, "tag", None)
        found = []
        if isinstance(event, yaml.AliasEvent):
            found.append(f"the alias *{shortened(anchor)}")
        elif anchor is not None:
            found.append(f"the anchor &{shortened(anchor)}")
        if tag is not None:
            found.append(f"the tag {shortened(tag.replace('tag:yaml.org,2002:', '!!'))}")
        if found:
            message = f"found {' and '.join(found)}, expected a value and nothing else"
            self.fault(event, path, message, final=True)


def _whole(text: str) -> str:
    """The text with characters that were escaped in two halves, as JSON does, made whole."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16")


def _nothing(source: str, message: str, line: int | None = None) -> Document:
    return Document(None, [Fault(Place(source, line), (), message)])
