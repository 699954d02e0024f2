"""What PyYAML's errors of syntax say to someone who does not know the grammar of YAML."""

import yaml

# What PyYAML says -> what we say, and whether the fault is where the broken thing begins.
_SYNTAX = (
    (r"character '\t' that cannot", "a tab, expected spaces", False),
    ("that cannot start any token", "no value begins with {character}: put it in quotes", False),
    (
        "mapping values are not allowed",
        "a ':' too many: check the indentation, or quote the value",
        False,
    ),
    ("could not find expected ':'", "expected `key: value`", True),
    ("but found '<block end>'", "is indented unlike the lines around it", False),
    ("expected <block end>", "is indented unlike the lines around it", False),
    ("sequence entries are not allowed", "a '-' too many: a list begins on its own line", False),
    ("expected ',' or ']'", "a list that is not closed, expected ',' or ']'", True),
    ("expected ',' or '}'", "a '{' that is not closed, expected ',' or '}'", True),
    ("expected the node content", "expected a value", False),
    ("unexpected end of stream", "a quote that is not closed", True),
    ("unexpected document separator", "a quote that is not closed", True),
    ("unknown escape character", "an escape that YAML does not know: use single quotes", False),
    ("expected escape sequence", "an escape that YAML does not know: use single quotes", False),
    ("alphabetic or numeric", "no value begins with '*' or '&': put it in quotes", True),
    ("tag", "tags (!) are not allowed in a recipe: write the value alone, or quote it", True),
    ("'<document start>'", "expected nothing after the end of the document", False),
)


def in_plain_words(error: yaml.MarkedYAMLError) -> tuple[str, int]:
    """What is wrong, and on which line."""
    says = f"{error.context or ''} {error.problem or ''}"
    for part, words, at_start in _SYNTAX:
        if part in says:
            character = says.partition("found character ")[2].partition(" that")[0]
            return words.replace("{character}", character), _line(error, at_start)
    return f"is not YAML: {says.strip()}", _line(error, False)


def _line(error: yaml.MarkedYAMLError, at_start: bool) -> int:
    mark = (at_start and error.context_mark) or error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 1
