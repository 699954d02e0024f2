"""What tests share: one thread, no network, tiny checkpoints with the real kinds of tokenizer."""

import gc
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# torch asks for the name of every address that connects: where an answer is lost, a second, not 5
os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:1")
os.environ.pop("WORLD_SIZE", None)

from pathlib import Path

import pytest

from tests.checkpoints import FAMILIES, make_checkpoint


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """More are for forked processes: one that has had threads hangs in those that it forks."""
    import torch

    own, here = torch.set_num_threads, os.getpid()

    def set_num_threads(number: int) -> None:
        assert number == 1 or os.getpid() != here, "several threads in a process that forks"
        own(number)

    own(1)
    torch.set_num_threads = set_num_threads


@pytest.fixture(scope="module", autouse=True)
def _little_to_look_through() -> None:
    """Rubbish is looked for in what a file of tests makes, not in all that was imported.

    Every run collects once, which would otherwise take longer than the run.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A cache of the tests' own, for the processes that they start, too."""
    os.environ["TOOLKIT_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> "Checkpoints":
    """Tiny random checkpoints, made when they are first asked for."""
    return Checkpoints(tmp_path_factory.mktemp("checkpoints"))


class Checkpoints:
    """Folder of a family's tiny checkpoint: `checkpoints["roberta"]`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, family: str) -> str:
        folder = self.folder / family
        if not folder.exists():
            make_checkpoint(family, folder)
        return str(folder)


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Each family of encoders."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the real data sets; the test is skipped where there is none."""
    named = os.environ.get("TOOLKIT_DATA")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: TOOLKIT_DATA is not set and {folder} does not exist")
    return folder
