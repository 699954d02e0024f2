"""The command line: the only part that prints. One small file a command."""

import errno
import os
import shlex
import signal
import sys
from types import FrameType

import typer

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
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
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
    except _Stopped as stopped:
        _leave(stopped.number)


class _Stopped(BaseException):
    def __init__(self, number: int) -> None:
        self.number = number


def _stop(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends at once
    raise _Stopped(number)


def _leave(number: int) -> None:
    how = "interrupted" if number == signal.SIGINT else "terminated"
    again = [each for each in sys.argv[1:] if each != "--fresh"]  # which would start over again
    hint = f"; to go on: {shlex.join(['toolkit', *again])}"
    print(how + hint * (sys.argv[1:2] == ["finetune"]), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(128 + number)  # threads of the framework may still compute: nothing waits for them
