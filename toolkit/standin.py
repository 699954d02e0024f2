"""Stand-ins: what takes the place of a checkpoint or data set that cannot be reached.

Only where the user asked for it, said in the run's name, recipe, manifest, card and results, so
that a score made with one is never mistaken for the recipe's own.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from toolkit import registry
from toolkit.errors import UnreachableError
from toolkit.recipe.distill import Distill
from toolkit.recipe.schema import Evaluate, Recipe

SUFFIX = "-stand-in"
# of the shipped data sets
FORMATS = {".conll": "conll", ".jsonl": "jsonl", ".json": "squad", ".txt": "text"}


def ready(
    recipe: Recipe,
    *,
    stand_in: bool = False,
    overridden: Collection[str] = (),
    needs_model: bool = True,
) -> Recipe:
    """The recipe as it can run here; UnreachableError where something is missing.

    Where the job does not need the model, a missing one is no fault, nor are scores.

    With `stand_in`, what is missing is replaced and `run.stand_in` says by what. A stand-in brings
    settings of its own, except for the dotted keys in `overridden`: those the user chose just now.
    """
    no_data, no_model = recipe.data.missing(), recipe.model.missing()
    no_scores = recipe.evaluate.missing()  # sets and metrics
    distill = recipe.train.distill
    no_teacher = distill.missing() if distill else []
    if not stand_in:
        phrases = [phrase for key in no_scores for phrase in no_scores[key]] + no_teacher
        wanted = [*no_data, *(no_model if needs_model else ()), *(phrases if needs_model else ())]
        if wanted:
            raise UnreachableError(wanted)
        return _marked(recipe)
    said: list[str] = []
    changes: dict[str, Any] = {}
    train: dict[str, Any] = {}
    if no_model:
        changes["model"], sentence = recipe.model.stand_in()
        said.append(sentence)
        usual = recipe.model.small_data_training
        train |= {key: usual[key] for key in ("learning_rate",) if key in usual}
    if no_data:
        changes.update(_other_data(recipe, said))
        if usual := recipe.model.small_data_training:
            train.update(recipe.task.small_data_training(usual))
    changes["evaluate"] = _fewer_scores(
        changes.get("evaluate", recipe.evaluate), no_scores, has_other_data=bool(no_data), said=said
    )
    train = {name: value for name, value in train.items() if f"train.{name}" not in overridden}
    if train:
        said.append("settings of the stand-in: " + _settings(train))
    if distill is not None:
        train["distill"] = _other_teacher(distill, has_other_data=bool(no_data), said=said)
    changes["train"] = recipe.train.model_copy(update=train)
    if not said:
        return _marked(recipe)
    changes["run"] = recipe.run.model_copy(
        update={"name": recipe.run.name + SUFFIX, "stand_in": tuple(said)}
    )
    return _marked(recipe.model_copy(update=changes))


def _other_teacher(distill: Distill, *, has_other_data: bool, said: list[str]) -> Distill:
    """With the teacher that was made of stand-ins itself, and without texts that are not here."""
    update: dict[str, Any] = {}
    name = distill.teacher.rstrip("/") + SUFFIX
    other = distill.model_copy(update={"teacher": name, "teacher_sha256": None})
    if (has_other_data or not distill.is_finished()) and other.is_finished():
        said.append(f"teacher {name} instead of {distill.teacher}")
        distill = other
    gone = [each for each in distill.missing() if each.startswith("train.distill.transfer")]
    if distill.transfer is not None and (has_other_data or gone):
        said.append("without the texts of train.distill.transfer")
        update["transfer"] = None
    return distill.model_copy(update=update)


def _marked(recipe: Recipe) -> Recipe:
    """What a stand-in teaches is one too."""
    distill = recipe.train.distill
    if distill is None or not distill.stand_ins():
        return recipe
    sentence = f"taught by {distill.teacher}, which was made with stand-ins"
    name, said = recipe.run.name, recipe.run.stand_in
    update = {
        "name": name if name.endswith(SUFFIX) else name + SUFFIX,
        "stand_in": said if sentence in said else (*said, sentence),
    }
    return recipe.model_copy(update={"run": recipe.run.model_copy(update=update)})


def sample_folder(name: str) -> Path:
    """The folder of a data set that comes with the package."""
    return Path(__file__).parent / "samples" / name


def _other_data(recipe: Recipe, said: list[str]) -> dict[str, Any]:
    """The blocks of the recipe that another data set changes."""
    sample = recipe.task.sample
    if sample is None:
        name = registry.name_of("task", type(recipe.task))
        raise UnreachableError([*recipe.data.missing(), f"{name} has no data set that stands in"])
    said.append(f"the {sample} samples of the toolkit instead of the recipe's data")
    (train,) = sample_folder(sample).glob("train.*")
    files = {name: str(train.with_stem(name)) for name in ("train", "dev", "test")}
    changes: dict[str, Any] = {"data": registry.look_up("data", FORMATS[train.suffix])(**files)}
    changes["task"], sentence = recipe.task.stand_in()
    if sentence:  # another kind of label has other scores
        said.append(sentence)
        changes["evaluate"] = recipe.evaluate.model_copy(update={"metric": None})
    return changes


def _fewer_scores(
    evaluate: Evaluate, missing: Collection[str], *, has_other_data: bool, said: list[str]
) -> Evaluate:
    """Without the sets and metrics that cannot be reached; of other data, without any set."""
    sets, extra = evaluate.sets, evaluate.extra
    kept = {name: data for name, data in sets.items() if f"evaluate.sets.{name}" not in missing}
    if has_other_data:
        kept = {}
    metrics = tuple(each for each in extra if f"evaluate.extra.{each.module}" not in missing)
    update: dict[str, Any] = {"sets": kept, "extra": metrics}
    left_out = [*(name for name in sets if name not in kept)]
    if left_out:
        why = "" if not has_other_data else ", which are not like the samples"
        said.append(f"without the evaluation sets {', '.join(left_out)}{why}")
    if evaluate.source in left_out:
        update["source"] = None
    if len(metrics) < len(extra):
        gone = ", ".join(each.module for each in extra if each not in metrics)
        said.append(f"without the metrics {gone}, and evaluate.metric as the task has it")
        update["metric"] = None
    return evaluate.model_copy(update=update)


def _settings(train: Mapping[str, Any]) -> str:
    return ", ".join(f"train.{name}={value}" for name, value in sorted(train.items()))
