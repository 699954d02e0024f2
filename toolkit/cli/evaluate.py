"""`toolkit evaluate`: the scores of a run on labelled data."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from toolkit import stopping
from toolkit.cli.options import AllowCode, RunFolder
from toolkit.cli.scores import difference_line, score_lines
from toolkit.cli.starting import starting


def evaluate(
    run: RunFolder,
    data: Annotated[
        str, typer.Option(help="A labelled file, or the name of a split or of an evaluation set.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to its recipe: data.scheme=iob1 …"),
    ] = None,
    precision: Annotated[
        Literal["fp32", "bf16", "int8"] | None,
        typer.Option(help="The arithmetic; by default that of the training. int8: on a CPU."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write the scores to this JSON file.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the predictions to this file, a JSON object a line.")
    ] = None,
    allow_code: AllowCode = None,
) -> None:
    """Score a finished run on labelled data."""
    from toolkit.data.suffix import read_named
    from toolkit.recipe.load import load_recipe
    from toolkit.runs.files import storage_errors
    from toolkit.runs.run import open_finished

    opened = open_finished(run)
    allowed = tuple(allow_code or ())
    recipe = load_recipe(opened.recipe_file, *(overrides or []), allow_code=allowed)
    known = recipe.evaluate.sets.get(data)
    if known is not None:
        source, reading = data, known.splits(recipe.task.reads, ["test"])["test"]
    else:
        source = recipe.data.sources().get(data, data)
        reading = read_named(recipe.data, data, recipe.task.reads, recipe.task.label_kind)
    for note in reading.notes:
        print(note)
    with starting():
        from toolkit.evaluation.predictions import records_of
        from toolkit.predict import load

        predictor = load(run, *(overrides or []), allow_code=allowed, precision=precision)
    examples = predictor.pack(reading.examples)
    scored, predicted = predictor.evaluate(examples)
    for line in score_lines(source, len(examples), scored["scores"]):
        print(line)
    print(difference_line(scored, opened.results()))
    if output is not None:
        result = {"run": recipe.run.name, "stand_in": bool(recipe.run.stand_in), "data": source}
        with storage_errors(output), stopping.deferred():
            output.write_text(json.dumps(result | scored, indent=2) + "\n", encoding="utf-8")
    if predictions is not None:
        records = records_of(predictor.task, examples, predicted.predictions)
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        with storage_errors(predictions), stopping.deferred():
            predictions.write_text("".join(lines), encoding="utf-8")
