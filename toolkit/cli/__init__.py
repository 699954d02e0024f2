"""The command line: the only part that prints. One small file a command."""

import errno
import gc
import os
import platform
import shlex
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from toolkit import stopping
from toolkit.cli.check import check
from toolkit.cli.compare import compare
from toolkit.cli.curve import curve
from toolkit.cli.diff import diff
from toolkit.cli.evaluate import evaluate
from toolkit.cli.export import export
from toolkit.cli.finetune import finetune
from toolkit.cli.letters import escape_what_is_lacking
from toolkit.cli.predict import predict
from toolkit.cli.recipes import recipes
from toolkit.cli.replay import replay
from toolkit.cli.report import report
from toolkit.cli.starting import waiting
from toolkit.errors import StorageError, ToolkitError

app = typer.Typer(
    name="toolkit",
    help="Fine-tune text encoders from a recipe, and know how good the result is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    check, compare, curve, finetune, predict, evaluate, export, recipes, replay, diff, report,
)  # fmt: skip
for command in COMMANDS:
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        libraries = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers"))
        print(f"toolkit {version('toolkit')} ({libraries}, Python {platform.python_version()})")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show versions."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command and exit with the code that says how it ended."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.update(waiting())
    if _who():  # the first line on standard error says what went wrong, not what followed
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    stopping.listen()
    escape_what_is_lacking()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except ToolkitError as error:
        print(f"{_who()}{error}", file=sys.stderr)
        _exit(error.exit_code)
    except stopping.Stopped as stopped:
        _leave(stopped)
    except SystemExit as ended:
        _exit(ended.code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            print(f"{_who()}the output could not be written ({error.strerror})", file=sys.stderr)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still to flush
            _exit(StorageError.exit_code)
        if not _who():
            raise
        print(f"{_who()}{type(error).__name__}: {error}", file=sys.stderr)
        traceback.print_exception(error)
        _exit(1)


def _who() -> str:
    """Which of several processes this is, as its lines begin."""
    several = int(os.environ.get("WORLD_SIZE", "1")) > 1
    return f"rank {os.environ.get('RANK', '?')}: " if several else ""


def _exit(code: str | int | None) -> NoReturn:
    if "WORLD_SIZE" not in os.environ or isinstance(code, str):
        gc.freeze()  # else all that was loaded is looked through for rubbish before the end
        sys.exit(code)
    # taking the interpreter down would sometimes destroy threads of gloo that still run, which
    # aborts the process, and waits for collective operations that never end
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def _leave(stopped: stopping.Stopped) -> None:
    stopping.leave()
    if os.environ.get("RANK", "0") == "0":
        how = "interrupted" if stopped.exit_code == stopping.INTERRUPTED else "terminated"
        kept = f" ({stopped.kept})" if stopped.kept else ""
        print(how + kept + _way_on(), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # threads of the framework may still compute: nothing waits for them
    os._exit(stopped.exit_code)


def _way_on() -> str:
    """How to go on with a run that was stopped."""
    if sys.argv[1:2] not in (["finetune"], ["compare"], ["curve"]):
        return ""
    again = [each for each in sys.argv[1:] if each != "--fresh"]  # which would start over again
    command = ["toolkit", *again]
    processes = os.environ.get("WORLD_SIZE")
    if processes is not None:
        if processes != os.environ.get("LOCAL_WORLD_SIZE"):
            return f"; to go on: start the same job again: {shlex.join(command)}"
        command = ["torchrun", "--nproc_per_node", processes, "-m", *command]
    return f"; to go on: {shlex.join(command)}"
