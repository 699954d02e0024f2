"""`toolkit curve`: what more training data would bring."""

from typing import Annotated

import typer

from toolkit.cli.compare import Display
from toolkit.cli.options import AllowCode, Fresh, RecipeName, StandIn, Workers
from toolkit.cli.report import page_of_curve


def curve(
    recipe: RecipeName,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it: train.epochs=5 …"),
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(help="Training examples of each point: 100,200,400; by default all, halved."),
    ] = "",
    seeds: Annotated[str, typer.Option(help="Of each point.")] = "1,2,3",
    workers: Workers = None,
    fresh: Fresh = False,
    stand_in: StandIn = False,
    allow_code: AllowCode = None,
) -> None:
    """Train a recipe on nested parts of its data, and say what twice as much would bring.

    The same command goes on where it was stopped; finished runs are not run again.
    """
    from toolkit.compare.curve import curve as run_curve
    from toolkit.compare.curve import read_curve, table
    from toolkit.compare.job import Options

    allowed = tuple(allow_code or ())
    ladder = read_curve(
        recipe,
        *(overrides or []),
        sizes=_numbers("--sizes", sizes),
        seeds=_numbers("--seeds", seeds),
        allow_code=allowed,
        stand_in=stand_in,
    )
    display = Display(ladder)
    display.begin()
    done = run_curve(ladder, Options(workers, fresh, allow_code=allowed), display.tell)
    display.finish(done, table(done.found), "curve")
    print(page_of_curve(done.folder))
    if done.exit_code:
        raise typer.Exit(done.exit_code)


def _numbers(option: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise typer.BadParameter(f"{option}: found {text!r}, expected whole numbers: 100,200,400")
    return [int(part) for part in parts]
