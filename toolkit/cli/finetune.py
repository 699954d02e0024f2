"""`toolkit finetune`: from a recipe to a finished run."""

from typing import Annotated

import typer

from toolkit.cli import progress
from toolkit.cli.options import AllowCode, Fresh, RecipeName, StandIn
from toolkit.cli.report import page_of
from toolkit.cli.starting import starting


def finetune(
    recipe: RecipeName,
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Changes to it: train.epochs=5 …"),
    ] = None,
    fresh: Fresh = False,
    stand_in: StandIn = False,
    allow_code: AllowCode = None,
) -> None:
    """Fine-tune by a recipe. The same command goes on where a run was stopped."""
    from toolkit.recipe.load import load_recipe
    from toolkit.standin import ready

    allowed = tuple(allow_code or ())
    changes = overrides or []
    loaded = load_recipe(recipe, *changes, allow_code=allowed)
    overridden = {change.partition("=")[0] for change in changes}
    loaded = ready(loaded, stand_in=stand_in, overridden=overridden)  # before anything heavy loads
    display = progress.Display(loaded, allowed)
    with display:
        with starting():
            from toolkit.training.finetune import finetune as run_recipe

        finished = run_recipe(loaded, fresh=fresh, allow_code=allowed, watch=display.watch)
    display.finish(finished, *([page_of(finished, allowed)] if display.is_main else []))
