"""`toolkit diff`: in what two runs differ."""

from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[str, typer.Argument(help="The folder of a run: runs/ner-bert.")]


def diff(run: Folder, other: Folder) -> None:
    """Name the first input in which two runs differ: recipe, data, model, code, library, hardware.

    Exit 1 where they differ.
    """
    from toolkit.errors import RunError
    from toolkit.runs.difference import first_difference
    from toolkit.runs.run import Run

    manifests = []
    for folder in (run, other):
        manifests.append(Run(Path(folder)).manifest())
        if not manifests[-1]:
            raise RunError(f"{folder}: is no run (it holds no manifest.json)")
    found = first_difference(*manifests)
    print(found or "no input differs")
    if found:
        raise typer.Exit(1)
