"""Runs on several processes that are forked from this one, which has everything imported."""

import os
import socket
import traceback

import torch
from accelerate.state import AcceleratorState

import toolkit
from toolkit.training import fit
from toolkit.training.steps import Step

STOPPED = 77  # the exit code of processes that were taken away


def finetune_forked(
    recipe: str, *overrides: str, processes: int, until: int | None = None
) -> list[int]:
    """Run a recipe on so many processes; with `until` they all vanish behind that step.

    Gives the exit codes.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = [
        _started(recipe, overrides, rank, processes, port, until) for rank in range(processes)
    ]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _started(
    recipe: str, overrides: tuple[str, ...], rank: int, count: int, port: int, until: int | None
) -> int:
    child = os.fork()
    if child:
        return child
    try:
        if count > 1:
            os.environ |= {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(count),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
        AcceleratorState._reset_state(reset_partial_state=True)
        if until is not None:
            _vanish_behind(until)
        toolkit.finetune(toolkit.load_recipe(recipe, *overrides))
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def _vanish_behind(step: int) -> None:
    steps = fit.steps

    def some_steps(*arguments):
        for event in steps(*arguments):
            if isinstance(event, Step) and event.number > step:
                os._exit(STOPPED)
            yield event

    fit.steps = some_steps
