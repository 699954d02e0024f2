"""The comments behind the fields of a class: their documentation, read from its source."""

import ast
import inspect
import io
import textwrap
import tokenize

from pydantic import BaseModel


def comments_of(cls: type[BaseModel]) -> dict[str, str]:
    """What is written behind each field, inherited ones too; nothing where there is no source."""
    comments: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            comments |= _own_comments(base)
    return {name: text for name, text in comments.items() if name in cls.model_fields}


def _own_comments(cls: type) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):  # made by hand, or typed at a prompt
        return {}
    written = _written(source)
    definition = ast.parse(source).body[0]
    assert isinstance(definition, ast.ClassDef), "the source of a class is a class"
    found = {}
    for field in definition.body:
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            lines = range(field.lineno, (field.end_lineno or field.lineno) + 1)
            if words := [written[line] for line in lines if line in written]:
                found[field.target.id] = " ".join(words)
    return found


def _written(source: str) -> dict[int, str]:
    """The comment of each line that has one, but for what is said to linters."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {
        token.start[0]: token.string.lstrip("# ").partition("  #")[0]
        for token in tokens
        if token.type == tokenize.COMMENT
    }
    return {
        line: text
        for line, text in comments.items()
        if not text.startswith(("type: ignore", "noqa", "fmt:"))
    }
