"""Pages taken apart: what elements they have, and what their script reads."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = {"meta", "br", "input", "wbr", "img", "link"}


class Page(HTMLParser):
    """The elements of a page; AssertionError where one is not closed as it was opened."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.feed(self.source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], (tag, self.open[-3:], self.getpos())
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] == "style":
            self.styles.append(data)
        else:
            self.text += data

    @property
    def data(self) -> dict[str, Any]:
        """What the script reads."""
        return dict(json.loads(self.scripts[0]))

    def has(self, name: str) -> bool:
        """Whether an element has this id."""
        return any(attributes.get("id") == name for _, attributes in self.elements)
