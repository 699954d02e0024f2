"""What a model's tokenizer makes of the texts: lengths, windows, fertility, unknown tokens.

The windows are those that training makes: the task is asked for them, with a tokenizer that
needs no `transformers`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from toolkit.audit.findings import Finding, Severity, counted, percent
from toolkit.encoders.base import encoder_of
from toolkit.encoders.light_tokenizer import LightTokenizer, NotLightError
from toolkit.errors import ToolkitError, UnreachableError
from toolkit.models.reading import WindowSize
from toolkit.recipe.schema import Recipe

TOGETHER = 2048  # examples that are encoded at a time
MUCH_UNKNOWN = 0.02  # of the tokens of a split


class SplitTokens(NamedTuple):
    """The tokens of a split."""

    tokens: int  # without special ones
    words: int  # as given, or as white space parts them
    unknown: int | None  # tokens; None: the tokenizer has no unknown one
    lengths: Mapping[str, float]  # of examples, without special tokens: median, p95, max
    windows: int
    long_examples: int  # that take more than a window
    truncated: int  # of which the recipe leaves windows out


class Tokens(NamedTuple):
    """The tokens of all splits, and what they were made with."""

    source: str  # of the vocabulary: a checkpoint, or train where it was learned
    size: WindowSize
    splits: Mapping[str, SplitTokens]
    findings: Sequence[Finding]


def tokens_of(
    task: Any, recipe: Recipe, splits: Mapping[str, Sequence[Any]]
) -> Tokens | list[Finding]:
    """Count the tokens; where that is not to be had, findings that say why."""
    try:
        return _tokens(task, recipe, splits)
    except NotLightError as error:
        return [_left_out(str(error), "note")]
    except UnreachableError as error:
        return [_left_out(f"{'; '.join(error.faults)}. Training will stop here", "warning")]
    except ToolkitError as error:  # windows or vectors that training would refuse as well
        return [Finding("error", "fault", fault) for fault in error.faults]


def _left_out(reason: str, severity: Severity) -> Finding:
    return Finding(severity, "no-tokens", f"tokens and windows are not counted: {reason}")


def _tokens(task: Any, recipe: Recipe, splits: Mapping[str, Sequence[Any]]) -> Tokens:
    if missing := recipe.model.missing():
        raise UnreachableError(missing)
    if not recipe.model.is_neural:
        raise NotLightError("this model reads no tokens")
    train, encoder = splits.get("train", ()), encoder_of(recipe)
    reading = encoder.light(text for example in train for text in task.texts(example))
    if reading is None:
        raise NotLightError("this model's tokenizer needs transformers")
    size = WindowSize.of(encoder, reading)
    found: dict[str, SplitTokens] = {}
    findings: list[Finding] = []
    for name, examples in splits.items():
        found[name], notes = _split(task, reading.tokenizer, size, examples)
        findings += [Finding("note", "targets", f"{name}: {note}") for note in notes]
        findings += _findings(name, found[name], len(examples), size, reading.is_learned)
    source = "train" if reading.is_learned else getattr(recipe.model, "checkpoint", "the model")
    return Tokens(source, size, found, findings)


def _split(
    task: Any, tokenizer: LightTokenizer, size: WindowSize, examples: Sequence[Any]
) -> tuple[SplitTokens, list[str]]:
    import numpy as np

    windows: list[Any] = []
    lengths: list[int] = []
    words = unknown = 0
    for start in range(0, len(examples), TOGETHER):
        some = examples[start : start + TOGETHER]
        texts = [[*task.texts(example)] for example in some]
        tokenizer.prepare([text for parts in texts for text in parts])
        for example, parts in zip(some, texts, strict=True):
            ids = [token for part in parts for token in tokenizer.ids_of(part)]
            words += sum(len(part.split() if isinstance(part, str) else part) for part in parts)
            unknown += ids.count(tokenizer.unk_token_id)  # type: ignore[arg-type]
            lengths.append(len(ids))
            windows.append(task.windows(example, tokenizer, *size))
    median, high, most = np.quantile(lengths, (0.5, 0.95, 1)).tolist() if lengths else (0, 0, 0)
    counts = SplitTokens(
        tokens=sum(lengths),
        words=words,
        unknown=None if tokenizer.unk_token_id is None else unknown,
        lengths={"median": median, "p95": high, "max": most},
        windows=sum(map(len, windows)),
        long_examples=sum(len(group) > 1 for group in windows),
        truncated=sum(task.num_left_out(group) > 0 for group in windows),
    )
    return counts, task.notes_of(examples, windows)


def _findings(
    name: str, found: SplitTokens, rows: int, size: WindowSize, is_learned: bool
) -> list[Finding]:
    findings = []
    if found.long_examples:
        takes = "takes" if found.long_examples == 1 else "take"
        message = (
            f"{name}: {counted(found.long_examples, 'example')} of {rows:,} {takes} more than a "
            f"window of {size.max_length} tokens, {found.windows:,} windows in all"
        )
        findings.append(Finding("note", "long-examples", message))
    if found.truncated:
        verb = "is" if found.truncated == 1 else "are"
        message = (
            f"{name}: {counted(found.truncated, 'example')} {verb} truncated, as the recipe says"
        )
        findings.append(Finding("warning", "truncated", message))
    if found.unknown and found.unknown > MUCH_UNKNOWN * found.tokens:
        share = percent(found.unknown, found.tokens)
        message = f"{name}: {share} of the tokens are unknown, and all look the same to the model"
        findings.append(Finding("note" if is_learned else "warning", "unknown-tokens", message))
    return findings
