"""`toolkit check`: a recipe and its data, looked at before anything is trained."""

import gc
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.letters import has_all_letters
from toolkit.cli.options import AllowCode, RecipeName, StandIn


def check(
    recipe: RecipeName,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it: data.scheme=iob1 …"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write all figures to this JSON file; - prints only them.")
    ] = None,
    stand_in: StandIn = False,
    allow_code: AllowCode = None,
) -> None:
    """Look at a recipe and its data, in seconds: labels, lengths, duplicates, faults.

    Exit code 2 where training would not start.
    """
    gc.disable()  # what is made here stays until the end: looking for rubbish took a tenth of it
    from toolkit.audit.audit import audit
    from toolkit.audit.record import record_of
    from toolkit.cli.audit_tables import print_audit
    from toolkit.recipe.load import load_recipe
    from toolkit.runs.files import storage_errors
    from toolkit.standin import ready

    loaded = load_recipe(recipe, *(overrides or []), allow_code=tuple(allow_code or ()))
    found = audit(ready(loaded, stand_in=stand_in, needs_model=False))
    is_printed = output == Path("-")
    ascii_only = is_printed and not has_all_letters(sys.stdout)
    text = json.dumps(record_of(found), indent=2, ensure_ascii=ascii_only) + "\n"
    if is_printed:
        sys.stdout.write(text)
    else:
        print_audit(found)
        if output is not None:
            with storage_errors(output):
                output.write_text(text, encoding="utf-8")
    if found.has_errors:
        raise typer.Exit(2)
