"""Whether a tokenizer can be used: tried on a few texts, since the library panics on odd ones."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError

MOST_GROWTH = 64  # of a text, by what normalises it
MOST_SPECIAL = 64  # tokens around a text
MOST_PUT_IN = 256  # characters, by a step of it
SILENCE = (
    threading.RLock()
)  # held while standard error leads nowhere, for threads that say something
TRIAL = ("a", "Ada met Bob.", "\u65e5\u672c e\u0301\u200b", "1 & 2")


def check_tokenizer(backend: Any, path: Path) -> None:
    """ToolkitError where what a tokenizer of the library does has no bounds, or makes it panic."""
    with panics(path):
        backend.no_truncation()
        backend.no_padding()  # it may ask for a billion tokens
        if backend.normalizer is not None:
            _check_growth(json.loads(backend.normalizer.__getstate__()), path)
        special = len(backend.encode("", add_special_tokens=True).ids)
        if special > MOST_SPECIAL:
            raise ToolkitError(f"{path}: puts {special:,} tokens around a text")
        for text in TRIAL:
            backend.encode(text)
            backend.encode(text, text)
            backend.encode(text.split(), is_pretokenized=True)


@contextmanager
def panics(path: Path) -> Iterator[None]:
    """Turn what the library raises into a ToolkitError, and keep its panics off the screen.

    A panic is no Exception, and is printed by the library itself before anybody hears of it.
    """
    with _silent():
        try:
            yield
        except ToolkitError:
            raise
        except Exception as error:  # the library has no class of its own for a file that is wrong
            raise ToolkitError(f"{path}: no tokenizer that can be read ({_said(error)})") from error
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise ToolkitError(
                f"{path}: the tokenizers library breaks on it ({_said(error)})"
            ) from None


@contextmanager
def _silent() -> Iterator[None]:
    with SILENCE:
        kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nothing)


def _check_growth(normaliser: dict[str, Any], path: Path) -> None:
    """ToolkitError where a text becomes much longer: twelve times `a` -> `aa…` are a terabyte.

    What is looked for and put in is tried, a step at a time, so that it is seen before it is long.
    """
    from tokenizers import normalizers

    steps = [*_steps(normaliser)]
    words = [word for step in steps for word in _words(step)]
    if longest := max((len(word) for word in words if len(word) > MOST_PUT_IN), default=0):
        raise ToolkitError(f"{path}: its normaliser has a piece of {longest:,} characters")
    text = " ".join((*TRIAL, *dict.fromkeys(words)))
    most = MOST_GROWTH * len(text)
    for step in steps:
        one = normalizers.Sequence([])
        one.__setstate__(json.dumps(step).encode())
        text = one.normalize_str(text)
        if len(text) > most:
            raise ToolkitError(
                f"{path}: its normaliser makes texts over {MOST_GROWTH} times longer"
            )


def _steps(normaliser: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if normaliser.get("type") == "Sequence":
        for part in normaliser.get("normalizers", ()):
            yield from _steps(part)
    else:
        yield normaliser


def _words(step: dict[str, Any]) -> list[str]:
    """What a step looks for, where it is no expression, and what it puts in."""
    pattern = step.get("pattern")
    found = [pattern.get("String")] if isinstance(pattern, dict) else []
    found += [step.get("content"), step.get("prepend")]
    return [word for word in found if isinstance(word, str)]


def _said(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:300]
