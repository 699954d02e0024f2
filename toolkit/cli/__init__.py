"""The command line: the only part that prints. One small file a command."""

import errno
import os
import shlex
import sys

import typer

from toolkit import stopping
from toolkit.cli.check import check
from toolkit.cli.evaluate import evaluate
from toolkit.cli.export import export
from toolkit.cli.finetune import finetune
from toolkit.cli.predict import predict
from toolkit.cli.recipes import recipes
from toolkit.errors import StorageError, ToolkitError

app = typer.Typer(
    name="toolkit",
    help="Fine-tune text encoders from a recipe, and know how good the result is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (check, finetune, predict, evaluate, export, recipes):
    app.command()(command)


def main() -> None:
    """Run a command and exit with the code that says how it ended."""
    # Threads that wait for each other sleep instead of spinning: with spinning ones, a small model
    # trained 60 times slower on a machine that others used too. Read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    stopping.listen()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except SystemExit as ended:
        if ended.code or "WORLD_SIZE" not in os.environ:
            raise
        # one of several processes, and all is written: taking the interpreter down would sometimes
        # destroy threads of gloo that still run, which aborts the process
        sys.stderr.flush()
        os._exit(0)
    except ToolkitError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"the output could not be written ({error.strerror})", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to flush
        sys.exit(StorageError.exit_code)
    except stopping.Stopped as stopped:
        _leave(stopped)


def _leave(stopped: stopping.Stopped) -> None:
    stopping.leave()
    if os.environ.get("RANK", "0") == "0":
        how = "interrupted" if stopped.exit_code == stopping.INTERRUPTED else "terminated"
        kept = f" ({stopped.kept})" if stopped.kept else ""
        print(how + kept + _way_on(), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(
        stopped.exit_code
    )  # threads of the framework may still compute: nothing waits for them


def _way_on() -> str:
    """How to go on with a run that was stopped."""
    if sys.argv[1:2] != ["finetune"]:
        return ""
    again = [each for each in sys.argv[1:] if each != "--fresh"]  # which would start over again
    command = ["toolkit", *again]
    processes = os.environ.get("WORLD_SIZE")
    if processes is not None:
        if processes != os.environ.get("LOCAL_WORLD_SIZE"):
            return f"; to go on: start the same job again: {shlex.join(command)}"
        command = ["torchrun", "--nproc_per_node", processes, "-m", *command]
    return f"; to go on: {shlex.join(command)}"
