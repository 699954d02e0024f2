"""Arguments and options that several commands take, each worded once."""

from typing import Annotated

import typer

RecipeName = Annotated[str, typer.Argument(help="A recipe's name (ner-bert) or file.")]
RunFolder = Annotated[str, typer.Argument(help="The folder of a finished run: runs/ner-bert.")]
AllowCode = Annotated[
    list[str] | None,
    typer.Option("--allow-code", metavar="MODULE", help="Let the recipe use this module."),
]
StandIn = Annotated[
    bool, typer.Option("--stand-in", help="Replace what cannot be reached by what is installed.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Processes at once; by default one a core, or one a GPU; more share the GPUs."
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start over, whatever is there.")]
