"""`toolkit replay`: does a run give the same bits again?"""

from typing import Annotated

import typer

from toolkit.cli.options import AllowCode
from toolkit.cli.starting import starting


def replay(
    run: Annotated[str, typer.Argument(help="The folder of a run, finished or not.")],
    allow_code: AllowCode = None,
) -> None:
    """Run a run again from its manifest, aside; IDENTICAL, or the first step that differs.

    Exit 1 where it differs.
    """
    with starting():
        from toolkit.replay import replay as run_again

    found = run_again(run, allow_code=tuple(allow_code or ()))
    if found.inputs is not None:
        print(f"not as when it was made: {found.inputs}")
    if found.difference is not None:
        print(f"DIFFERENT behind {found.num_steps} equal steps: {found.difference}")
        raise typer.Exit(1)
    what = "weights and metrics" if found.is_whole else "metrics; the run is not finished"
    print(f"IDENTICAL: {found.num_steps} steps, {what}")
