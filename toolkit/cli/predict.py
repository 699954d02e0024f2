"""`toolkit predict`: what a run says of new text."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import typer


def predict(
    run: Annotated[str, typer.Argument(help="The folder of a finished run: runs/ner-bert.")],
    text: Annotated[
        list[str] | None,
        typer.Argument(help="Texts, one an argument; without any, lines of standard input."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Read a file: .txt a text a line, others by the recipe's data or their suffix."
        ),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Texts are words already: split at spaces only.")
    ] = False,
    output: Annotated[
        Literal["text", "jsonl"], typer.Option(help="Marked text, or a JSON object a line.")
    ] = "text",
    allow_code: Annotated[
        list[str] | None,
        typer.Option("--allow-code", metavar="MODULE", help="Let the recipe use this module."),
    ] = None,
) -> None:
    """Predict for texts, a file or standard input with a finished run."""
    from toolkit.errors import ToolkitError
    from toolkit.runs.run import open_finished

    open_finished(run)  # says at once what is wrong, before anything heavy is loaded
    if text and file is not None:
        raise ToolkitError("give texts or --file, not both")
    from toolkit.predict import load

    predictor = load(run, allow_code=tuple(allow_code or ()))
    for group in _groups(predictor, text, file, words):
        predictions = predictor.predict(group)
        for example, prediction in zip(group, predictions, strict=True):
            if output == "jsonl":
                record = predictor.task.record(example, prediction)
                print(json.dumps(record, ensure_ascii=False))
            else:
                print(predictor.task.render(example, prediction))
        sys.stdout.flush()


def _groups(
    predictor: Any, text: list[str] | None, file: Path | None, words: bool
) -> Iterator[list[Any]]:
    """Examples, some hundred at a time, so that a long input streams."""
    if file is not None and file.suffix not in (".txt", ".text", ""):
        from toolkit.data.suffix import reader_of

        reads = predictor.task.reads
        reader = reader_of(predictor.recipe.data, str(file), reads)
        yield reader.read_bare(str(file), reads).examples
        return
    lines = text if text else _lines(file)
    group: list[Any] = []
    for line in lines:
        group.append(predictor.task.reads.of(line.split() if words else line.rstrip("\r\n")))
        if len(group) == 256 or (file is None and not text and sys.stdin.isatty()):
            yield group
            group = []
    if group:
        yield group


def _lines(file: Path | None) -> Iterator[str]:
    if file is None:
        yield from sys.stdin
        return
    from toolkit.data.text import lines_of

    yield from lines_of(str(file))
