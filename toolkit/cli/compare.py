"""`toolkit compare`: rungs times seeds, and one table of what they score and cost."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from toolkit.cli.options import AllowCode, Fresh, StandIn, Workers
from toolkit.cli.report import page_of_ladder

if TYPE_CHECKING:
    from toolkit.compare.job import Compared
    from toolkit.compare.ladder import Ladder
    from toolkit.compare.runner import Event

WIDEST = 220  # columns of the table in a file


def compare(
    ladder: Annotated[
        str, typer.Argument(help="A ladder's name (wnut17-ladder) or file, or a recipe.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Changes to all rungs (train.epochs=5), to one (rungs.lstm.train.epochs=5), "
            "or to the ladder (seeds=[1,2]).",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="RUNG", help="Only this rung; may be given again.")
    ] = None,
    workers: Workers = None,
    fresh: Fresh = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="Measure again how quickly the models predict.")
    ] = False,
    stand_in: StandIn = False,
    allow_code: AllowCode = None,
) -> None:
    """Train every rung of a ladder with several seeds, and compare what they score and cost.

    The same command goes on where it was stopped; finished runs are not run again.
    """
    from toolkit.compare.job import Options
    from toolkit.compare.job import compare as run_ladder
    from toolkit.compare.reading import read_ladder
    from toolkit.compare.words import table

    allowed = tuple(allow_code or ())
    wanted = only or ()
    loaded = read_ladder(
        ladder, *(overrides or []), only=wanted, allow_code=allowed, stand_in=stand_in
    )
    display = Display(loaded)
    display.begin()
    done = run_ladder(loaded, Options(workers, fresh, measure, allowed), display.tell)
    display.finish(done, table(done.found), "compare")
    print(page_of_ladder(done.folder, allowed))
    if done.exit_code:
        raise typer.Exit(done.exit_code)


class Display:
    """Says how the runs of a ladder go, a line each, and what came of them."""

    def __init__(self, ladder: "Ladder") -> None:
        self.ladder = ladder
        self.began = time.monotonic()
        self.notes: set[str] = set()

    def begin(self) -> None:
        """Say what is about to run."""
        from toolkit.data.text import counted

        self._stand_in()
        recipes = self.ladder.recipes
        seeds = len(recipes) // len(self.ladder.rungs)
        rungs = counted(len(self.ladder.rungs), "rung")
        print(f"{self.ladder.folder}: {rungs} x {counted(seeds, 'seed')}")

    def tell(self, event: "Event") -> None:
        """Say what a run says, data once, and how it ended."""
        from toolkit.compare.worker import Said

        if isinstance(event.what, Said):
            if event.what.is_note and event.what.sentence in self.notes:
                return
            self.notes.add(event.what.sentence)
            print(f"{event.run}: {event.what.sentence}", flush=True)
            return
        minutes, seconds = divmod(round(time.monotonic() - self.began), 60)
        count = f"[{event.num_finished}/{event.num_runs}] {minutes}:{seconds:02d}"
        if event.what.faults:
            print(f"{count} {event.run} failed", flush=True)
            print("\n".join(f"{event.run}: {each}" for each in event.what.faults), file=sys.stderr)
        else:
            print(f"{count} {event.run} {'stopped' if event.what.exit_code else 'done'}")

    def finish(self, done: "Compared", table: Sequence[Sequence[str]], name: str) -> None:
        """Print the table, its header first, and the sentences; `name` is that of their files."""
        from toolkit.compare.words import about

        header, *rows = table
        shown = Table(box=box.SIMPLE_HEAD, title=about(done.found), title_justify="left")
        for number, title in enumerate(header):
            is_text = number in (0, len(header) - 1)
            shown.add_column(title, justify="left" if is_text else "right", no_wrap=number == 0)
        for row in rows:
            shown.add_row(*row)
        console = Console()
        if not console.is_terminal:
            console = Console(width=WIDEST)
        console.print(shown)
        for sentence in done.found["sentences"]:
            print(sentence)
        print(f"table {done.folder}/{name}.md, for scripts {done.folder}/{name}.json")
        self._stand_in()

    def _stand_in(self) -> None:
        if self.ladder.stand_ins:
            said = "; ".join(self.ladder.stand_ins)
            print(f"STAND-IN (not the ladder's own result): {said}")
