"""What a user sees of a job: sentences, one line an evaluation, a bar on a terminal.

On a terminal a bar moves on standard error. In a log file there is no bar: a line now and then,
each complete, says the same.
"""

import os
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from toolkit.cli.scores import number, score_lines, set_lines

if TYPE_CHECKING:
    from toolkit.recipe.schema import Recipe
    from toolkit.training.events import Evaluation, Event, Scored, Started
    from toolkit.training.finetune import Finished
    from toolkit.training.steps import Step

SECONDS_BETWEEN_LINES = 30.0


class Display:
    """Turns the events of a job into output; silent in all processes but the first."""

    def __init__(self, recipe: "Recipe", allowed: Sequence[str] = ()) -> None:
        self.recipe = recipe
        self.allowed = allowed  # modules of the user's own, which other commands need as well
        self.is_main = os.environ.get("RANK", "0") == "0"
        self.num_steps = 0
        self.bar = Progress(
            TextColumn("[bold]step"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TextColumn("loss {task.fields[loss]}  {task.fields[score]}  {task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        # a bar shares the terminal with the lines; where either goes to a file, lines say it all
        terminals = self.bar.console.is_terminal and sys.stdout.isatty()
        self.on_terminal = terminals and self.is_main
        self.speed = Speed()
        self.score = ""

    def __enter__(self) -> "Display":
        self._stand_in()
        if self.is_main:
            name = f"{self.recipe.run.folder}/{self.recipe.run.name}"
            self.say(f"run {name}")
        return self

    def __exit__(self, *_: object) -> None:
        if self.on_terminal:
            self.bar.stop()

    def say(self, line: str) -> None:
        """A line of output; above the bar where there is one."""
        if self.is_main:
            print(line, flush=True)

    def watch(self, event: "Event") -> None:
        """Show an event."""
        from toolkit.training import events

        match event:
            case events.Note():
                self.say(event.text)
            case events.Started():
                self._started(event)
            case events.Fitted():
                self.say(
                    f"{event.num_parameters:,} parameters learned from {event.num_examples:,} "
                    f"examples in {event.seconds:.1f} s"
                )
            case events.Resumed():
                self.say(f"goes on behind step {event.step}")
                self.speed.start()
            case events.Step():
                self._step(event)
            case events.Evaluation():
                self._evaluation(event)
            case events.Scored():
                self._scored(event)
            case events.Compared():
                self._sets(event.results)

    def finish(self, finished: "Finished", *lines: str) -> None:
        """The last lines, with what else there is to say of a finished run."""
        if finished.was_finished:
            self.say(f"{finished.folder} is finished already (--fresh starts over)")
            for split, scored in finished.results["splits"].items():
                self._scores(split, scored["examples"], scored["scores"])
            self._sets(finished.results)
        self.say(f"model {finished.folder}/model, results {finished.folder}/results.json")
        for line in lines:
            self.say(line)
        flag = "--pair " if len(finished.task.typed) == 2 else ""
        texts = '"…" "…"' if flag else '"…"'
        folder = shlex.quote(str(finished.folder))
        code = "".join(f" --allow-code {module}" for module in self.allowed)
        self.say(f"try it: toolkit predict {folder} {flag}{texts}{code}")
        self._stand_in()

    def _stand_in(self) -> None:
        if self.recipe.run.stand_in:
            self.say(
                "STAND-IN (not the recipe's own result): " + "; ".join(self.recipe.run.stand_in)
            )

    def _started(self, event: "Started") -> None:
        self.num_steps = event.num_steps
        processes = "1 process"
        if event.num_processes > 1:
            processes = f"{event.num_processes} processes ({event.strategy})"
        trained = ""
        if event.num_trained != event.num_parameters:
            share = event.num_trained / event.num_parameters
            trained = f" ({event.num_trained:,} trained, {share:.2%})"
        self.say(
            f"{event.num_parameters:,} parameters{trained}, {event.num_steps:,} steps, "
            f"windows of up to {event.max_length} tokens, {event.precision} on {event.device}, "
            f"{processes}"
        )
        if self.on_terminal:
            self.task = self.bar.add_task(
                "train", total=event.num_steps, loss="-", score="", speed=""
            )
            self.bar.start()
        self.speed.start()

    def _step(self, step: "Step") -> None:
        self.speed.add(step)
        if self.on_terminal:
            self.bar.update(
                self.task,
                completed=step.number,
                loss=f"{step.loss:.4f}",
                score=self.score,
                speed=str(self.speed),
            )
        elif self.speed.is_due():
            left = self.speed.left(step.number, self.num_steps)
            self.say(
                f"step {step.number}/{self.num_steps}  loss {step.loss:.4f}  {self.speed}  {left}"
            )

    def _evaluation(self, event: "Evaluation") -> None:
        score = event.scores[event.metric]
        self.score = f"dev {event.metric} {number(score)}"
        loss = "" if event.loss is None else f"  dev loss {event.loss:.4f}"
        best = "  best so far" if event.is_best else ""
        self.say(f"step {event.step}/{self.num_steps}  {self.score}{loss}  {self.speed}{best}")
        self.speed.start()

    def _scored(self, event: "Scored") -> None:
        if self.on_terminal:
            self.bar.stop()
        self._scores(event.split, event.num_examples, event.scores)

    def _scores(self, split: str, num: int, scores: Mapping[str, Mapping[str, Any]]) -> None:
        for line in score_lines(split, num, scores):
            self.say(line)

    def _sets(self, results: Mapping[str, Any]) -> None:
        for line in set_lines(results):
            self.say(line)


class Speed:
    """Examples and real tokens per second since the last evaluation, and the time that is left."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from here."""
        self.began = self.said = time.monotonic()
        self.examples = self.tokens = self.steps = 0

    def add(self, step: "Step") -> None:
        """Count a step."""
        self.examples += step.num_examples
        self.tokens += step.num_tokens
        self.steps += 1

    def is_due(self) -> bool:
        """Whether a log file wants a line again."""
        if time.monotonic() - self.said < SECONDS_BETWEEN_LINES:
            return False
        self.said = time.monotonic()
        return True

    def left(self, step: int, num_steps: int) -> str:
        """The time left at this speed."""
        seconds = (time.monotonic() - self.began) / max(1, self.steps) * (num_steps - step)
        minutes, seconds = divmod(round(seconds), 60)
        return f"{minutes}:{seconds:02d} left"

    def __str__(self) -> str:
        seconds = max(1e-9, time.monotonic() - self.began)
        return f"{self.examples / seconds:.0f} examples/s  {self.tokens / seconds:.0f} tokens/s"
