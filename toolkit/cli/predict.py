"""`toolkit predict`: what a run says of new text."""

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from toolkit import stopping
from toolkit.cli.letters import has_all_letters
from toolkit.cli.options import AllowCode, RunFolder
from toolkit.cli.starting import starting
from toolkit.cli.typed import Typed

if TYPE_CHECKING:
    from toolkit.evaluation.predictor import Predictor

MOST_AT_ONCE = 256  # lines of standard input, whose writer may wait for an answer
MOST_OF_FILE = 4096  # lines of a file: the more, the less padding and the fuller the batches


def predict(
    run: RunFolder,
    text: Annotated[
        list[str] | None,
        typer.Argument(
            help="Texts, one an argument; without any, lines of standard input. Where a model "
            "reads two texts, a TAB stands between them."
        ),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="TEXT TEXT",
            help="Two texts that belong together: a question and its context, a premise and its "
            "hypothesis.",
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="Read a file: .txt as standard input, others by the recipe's data or their "
            "suffix (.jsonl, .csv, .json, …)."
        ),
    ] = None,
    words: Annotated[
        bool, typer.Option("--words", help="Texts are words already: split at spaces only.")
    ] = False,
    precision: Annotated[
        Literal["fp32", "bf16", "int8"] | None,
        typer.Option(
            help="The arithmetic; by default that of the training where the hardware has it. int8: "
            "8-bit products on a CPU, whose score `toolkit evaluate --precision int8` tells."
        ),
    ] = None,
    output: Annotated[
        Literal["text", "jsonl"], typer.Option(help="Marked text, or a JSON object a line.")
    ] = "text",
    allow_code: AllowCode = None,
) -> None:
    """Predict for texts, a file or standard input with a finished run."""
    from toolkit.runs.run import open_finished

    open_finished(run)  # says at once what is wrong, before anything heavy is loaded
    typed = Typed(text or (), pair, file, words)
    typed.check()
    # nothing is scored, so the code of metrics is not needed and not asked for
    allowed = tuple(allow_code or ())
    with starting():
        from toolkit.predict import load

        predictor = load(run, "evaluate.extra=[]", allow_code=allowed, precision=precision)
    for group in _groups(predictor, typed):
        with stopping.deferred():  # no half of a line; waiting for the next text is outside
            predictions = predictor.predict(group)
            for example, prediction in zip(group, predictions, strict=True):
                if output == "jsonl":
                    record = predictor.task.record(example, prediction)
                    name = getattr(example, "id", "")  # of an example of a file
                    said = ({"id": name} if name else {}) | record
                    said |= {"precision": predictor.precision}
                    print(json.dumps(said, ensure_ascii=not has_all_letters(sys.stdout)))
                else:
                    print(predictor.task.render(example, prediction))
            sys.stdout.flush()


def _groups(predictor: "Predictor", typed: Typed) -> Iterator[list[Any]]:
    """Examples, some hundred at a time, so that a long input streams."""
    if typed.has_format:
        from toolkit.data.suffix import reader_of

        reads = predictor.task.reads
        reader = reader_of(predictor.recipe.data, str(typed.file), reads)
        yield reader.read_bare(str(typed.file), reads).examples
        return
    examples = typed.examples(predictor.task)
    size = 1 if typed.is_waiting else MOST_AT_ONCE if typed.file is None else MOST_OF_FILE
    while group := list(itertools.islice(examples, size)):
        yield group
