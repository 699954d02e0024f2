"""What made a run: data, model, versions, hardware, seeds. Sealed with the hash of the weights."""

import hashlib
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from toolkit.recipe.dump import dump_recipe
from toolkit.recipe.schema import Recipe
from toolkit.runs import files

PACKAGES = (
    "accelerate", "datasets", "evaluate", "numpy", "peft", "safetensors", "scikit-learn", "scipy",
    "seqeval", "tokenizers", "toolkit", "torch", "transformers",
)  # fmt: skip


def hash_of_examples(examples: Sequence[Any]) -> str:
    """The sha256 of a split's examples, whatever file they came from."""
    if isinstance(known := getattr(examples, "sha256", None), str):  # a split that is not read
        return known
    digest = hashlib.sha256()
    for example in examples:
        digest.update(bytes_of(example))
    return digest.hexdigest()


def bytes_of(example: Any) -> bytes:
    """What is hashed of an example."""
    return repr(tuple(example)).encode("utf-8", "surrogatepass")


def describe(
    recipe: Recipe,
    splits: Mapping[str, Sequence[Any]],
    sets: Mapping[str, Sequence[Any]],
    processes: int,
) -> dict[str, Any]:
    """The manifest as it stands when a run begins."""
    return {
        **recipe_of(recipe),
        "code": source_sha256(),
        "own_code": _own_code(recipe),
        "stand_in": list(recipe.run.stand_in),
        "data": _data(splits),
        "sets": _data(sets),
        "checkpoint": _origin(recipe),
        "seed": recipe.train.seed,
        "processes": processes,
        "strategy": recipe.train.strategy if processes > 1 else None,  # of several processes
        "versions": {"python": platform.python_version(), **_versions()},
        "hardware": _hardware(),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def recipe_of(recipe: Recipe) -> dict[str, Any]:
    """What a manifest says of the recipe itself."""
    text = dump_recipe(recipe)  # before the run tunes anything: what a replay begins with
    return {"recipe_sha256": hashlib.sha256(text.encode()).hexdigest(), "recipe": text}


@lru_cache(maxsize=1)
def source_sha256() -> str:
    """A hash of this package's source."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _own_code(recipe: Recipe) -> dict[str, str]:
    """The hashes of a user's modules that the recipe names."""
    modules = {type(block).__module__ for block in recipe.blocks().values()}
    places = {
        name: getattr(sys.modules[name], "__file__", None)
        for name in sorted(modules)
        if name.partition(".")[0] != __name__.partition(".")[0]
    }
    return {name: files.sha256_of(Path(place)) for name, place in places.items() if place}


def _origin(recipe: Recipe) -> dict[str, Any] | None:
    """The checkpoint that the model begins with, by the hashes of its weights where it is here."""
    origin = recipe.model.origin()
    if origin is None:
        return None
    weights = sorted(origin.folder.glob("*.safetensors")) if origin.folder else ()
    return {
        "name": origin.checkpoint,
        "revision": origin.revision,
        "weights": {path.name: files.sha256_of(path) for path in weights},
    }


def seal(manifest: Mapping[str, Any], model: Path) -> dict[str, Any]:
    """The manifest with the hashes of the files of the final model."""
    hashes = {
        str(path.relative_to(model)): files.sha256_of(path)
        for path in sorted(model.rglob("*"))
        if path.is_file()
    }
    return {**manifest, "model": hashes}


def _data(splits: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {"examples": len(examples), "sha256": hash_of_examples(examples)}
        for name, examples in splits.items()
    }


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _hardware() -> dict[str, Any]:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "machine": platform.machine(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpus": gpus,
    }
