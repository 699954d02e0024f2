"""Metrics of the `evaluate` library that a recipe names: loaded, rehearsed, computed.

Their code is somebody else's. What it gives is taken only if it is a number; what it raises ends a
run before training and never after it: a final score then is undefined, and says why.
"""

import hashlib
import json
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit import hub
from toolkit.data.text import expand
from toolkit.errors import RecipeError
from toolkit.evaluation.interval import Units, intervals
from toolkit.metrics.score import Score, normal
from toolkit.recipe.schema import Extra

if TYPE_CHECKING:
    from toolkit.recipe.schema import Evaluate
    from toolkit.tasks.base import Task

_LONGEST_GIVEN = 2_000  # characters of JSON of what is no number
# What a metric may raise because of the few and odd predictions before training.
_OF_THE_DATA = (ValueError, ArithmeticError)


class Metric(NamedTuple):
    """A metric of a recipe, loaded."""

    extra: Extra
    module: Any  # evaluate.EvaluationModule
    sha256: str | None  # of its code, where that is a file

    @property
    def label(self) -> str:
        """What its score is called where it gives none."""
        return self.extra.name or self.extra.code.rpartition("/")[2]

    def scores(
        self, task: "Task", examples: Sequence[Any], predictions: Sequence[Any]
    ) -> dict[str, Score]:
        """Its scores; undefined where it raises."""
        try:
            return self.computed(task, examples, predictions)
        except Exception as error:  # of code that is not ours, after hours of training
            return {self.label: Score(None, {**self._about, "reason": _told(error)})}

    def computed(
        self, task: "Task", examples: Sequence[Any], predictions: Sequence[Any]
    ) -> dict[str, Score]:
        """Its scores by name; raises whatever it raises."""
        features = self.module.features
        options = features if isinstance(features, list) else [features]
        named = next((one for one in options if not _is_whole(one["predictions"])), None)
        guess, truth = task.for_evaluate(examples, predictions, as_numbers=named is None)
        feature = options[0] if named is None else named
        given = self.module.compute(
            predictions=[_fitted(each, feature["predictions"]) for each in guess],
            references=[_fitted(each, feature["references"]) for each in truth],
            **self.extra.arguments,
        )
        values = given if isinstance(given, Mapping) else {self.label: given}
        return {self._name(str(key), values): self._score(value) for key, value in values.items()}

    def intervals(
        self,
        task: "Task",
        examples: Sequence[Any],
        predictions: Sequence[Any],
        units: Units,
        settings: "Evaluate",
    ) -> dict[str, list[float]]:
        """The intervals of its scores, where the recipe wants them."""
        if not self.extra.resample:
            return {}

        def again(rows: list[int]) -> Mapping[str, Score]:
            return self.scores(task, [examples[r] for r in rows], [predictions[r] for r in rows])

        return intervals(again(list(range(len(examples)))), again, units, settings)

    @property
    def _about(self) -> dict[str, Any]:
        about = {"scheme": f"evaluate: {self.extra.code}", "extra": True}
        if self.extra.arguments:
            about["arguments"] = dict(self.extra.arguments)
        return about | ({"code_sha256": self.sha256} if self.sha256 else {})

    def _name(self, key: str, values: Mapping[Any, Any]) -> str:
        if self.extra.name is None:
            return key
        return self.extra.name if len(values) == 1 else f"{self.extra.name}_{key}"

    def _score(self, value: Any) -> Score:
        plain = _plain(value)
        if isinstance(plain, (int, float)) and not isinstance(plain, bool):
            return normal(Score(float(plain), self._about))
        if plain is None:
            return Score(None, {**self._about, "reason": "the metric gives none"})
        about = {**self._about, "reason": f"the metric gives {_kind(plain)}, not a number"}
        is_short = len(json.dumps(plain)) <= _LONGEST_GIVEN
        return Score(None, about | ({"given": plain} if is_short else {}))


def load_metrics(extras: Iterable[Extra]) -> tuple[Metric, ...]:
    """The metrics of a recipe; RecipeError where one cannot be loaded."""
    return tuple(_load(extra, f"evaluate.extra[{row}]") for row, extra in enumerate(extras))


def rehearse(
    metrics: Sequence[Metric],
    task: "Task",
    own: Iterable[str],
    examples: Sequence[Any],
    predictions: Sequence[Any],
) -> tuple[list[str], list[str]]:
    """The names of the metrics' scores, and what they raised because of these predictions.

    RecipeError for what would go wrong after training, too: a name that is taken, an input that
    does not fit, an error of the code.
    """
    taken, notes = set(own), []
    names: list[str] = []
    for row, metric in enumerate(metrics):
        where = f"evaluate.extra[{row}]: {metric.label}"
        keys = list(metric.module.features if isinstance(metric.module.features, dict) else ())
        if keys and set(keys) != {"predictions", "references"}:
            raise RecipeError(f"{where}: takes {', '.join(keys)}, expected predictions, references")
        try:
            found = list(metric.computed(task, examples, predictions))
        except Exception as error:
            # `evaluate` itself refuses an input of another form with a ValueError
            is_form = "expected format" in str(error) or "Mismatch" in str(error)
            if is_form or not isinstance(error, _OF_THE_DATA):
                raise RecipeError(f"{where}: {_told(error)}") from error
            notes.append(f"{where} before training: {_told(error)}")
            continue
        if clash := [name for name in found if name in taken]:
            raise RecipeError(
                f"{where}: gives {', '.join(clash)}, which another score is called: set its name"
            )
        taken.update(found)
        names += found
    return names, notes


def _load(extra: Extra, where: str) -> Metric:
    import evaluate

    path, sha256 = extra.hub_name, None
    file = expand(extra.module) if not extra.from_hub else None
    if extra.from_hub and hub.find("space", extra.hub_name) == "cached":
        file = hub.cached_metric(extra.hub_name)
    if file is not None:
        path = str(file.absolute())
        code = file if file.is_file() else file / f"{file.name}.py"
        if not code.is_file():
            raise RecipeError(f"{where}: {extra.module}: no such file, expected {code}")
        sha256 = hashlib.sha256(code.read_bytes()).hexdigest()
    try:
        module = evaluate.load(path, extra.config, keep_in_memory=True)
    except Exception as error:  # the code is run here
        raise RecipeError(f"{where}: {extra.module} cannot be loaded: {_told(error)}") from error
    return Metric(extra, module, sha256)


def _is_whole(feature: Any) -> bool:
    """Whether a feature is whole numbers, or lists of them."""
    while hasattr(feature, "feature"):
        feature = feature.feature
    return str(getattr(feature, "dtype", "")).lstrip("u").startswith("int")


def _fitted(value: Any, feature: Any) -> Any:
    """A value without the keys that a metric does not know."""
    if isinstance(value, dict) and isinstance(feature, dict):
        return {key: _fitted(value[key], inner) for key, inner in feature.items()}
    return value


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):  # of numpy
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return float(value) if isinstance(value, numbers.Real) else str(value)


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", str: "text", list: "a list", dict: "an object"}
    return kinds[type(value)]


def _told(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
