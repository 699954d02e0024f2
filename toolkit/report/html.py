"""One file of HTML: style, script and data inside, nothing from outside, no text that runs."""

import base64
import hashlib
import json
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
# in a script, `<` could end it, and U+2028 ended lines of JavaScript before 2019
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&'\u2028\u2029"}


def page(template: str, **values: Any) -> bytes:
    """The page of a template. Whatever stands in `values` is text, but for `Markup`."""
    from markupsafe import Markup

    style, script = _asset("page.css"), _asset("page.js")
    text = _environment().get_template(template).render(
        style=Markup(style), script=Markup(script), policy=_policy(style, script), **values
    )  # fmt: skip
    return text.encode("utf-8", "replace")  # half of a surrogate pair has no bytes


def inline_json(value: Any) -> "Markup":
    """JSON for a script element, of any text."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_ESCAPED))


def _policy(style: str, script: str) -> str:
    """What the page may do: run this one script, show this one style; ask for nothing."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8").strip()


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        breakable=breakable,
        score=score,
        percent=percent,
        count=count,
        short=short,
        seconds=seconds,
        size=size,
    )
    environment.globals.update(inline_json=inline_json, heat=heat, p_value=p_value)
    return environment


def breakable(text: str) -> "Markup":
    """A text whose lines may break behind the signs that join words in names."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"(?<=[_./:-])(?=\w)", "<wbr>", str(escape(text))))


def score(value: float | None) -> str:
    """A score with four digits."""
    return "undefined" if value is None else f"{value:.4f}"


def percent(value: float | None) -> str:
    """A share."""
    return "" if value is None else f"{100 * value:.3g} %"


def count(value: float | None) -> str:
    """A whole number, with commas."""
    return "" if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A number in a few signs: 1.2k, 0.034."""
    if value is None:
        return ""
    for limit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{sign}"
    return f"{value:.3g}"


def seconds(value: float | None) -> str:
    """A time as a person says it."""
    if value is None:
        return ""
    if value < 100:
        return f"{value:.3g} s"
    minutes, left = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s"


def size(value: float | None) -> str:
    """A size."""
    return "" if value is None else f"{short(value)}B"


def heat(value: float | None) -> str:
    """The class of a cell's colour, from h0 to h9, by a share."""
    return "" if value is None else f"h{min(9, max(0, int(value * 10)))}"


def p_value(value: float) -> str:
    """A p-value as tables have it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
