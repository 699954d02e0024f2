"""A scored split as `results.json` holds it: every score with the passport that says what it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.evaluation.interval import Units, intervals
from toolkit.metrics.score import Score

if TYPE_CHECKING:
    from toolkit.evaluation.predictions import Predicted, Reader, Scorer
    from toolkit.recipe.schema import Evaluate

# What every score says; null where it does not apply or the task does not say.
PASSPORT = ("scheme", "mode", "unit", "average", "support")
OFFICIAL_WITHIN = 1e-6  # of the official scorer: no digit that is ever written differs


def described_split(
    reader: "Reader | Scorer",
    settings: "Evaluate",
    examples: Sequence[Any],
    predicted: "Predicted",
    sha256: str,
) -> dict[str, Any]:
    """A split with its scores. `sha256` is that of its examples, as in the manifest."""
    scores = reader.scores(examples, predicted.predictions)
    if examples:  # of which official scorers want one at least
        check_official(scores, reader.task.official(examples, predicted.predictions))
    units = Units.of(examples)
    own = {name: score for name, score in scores.items() if not score.about.get("extra")}

    def again(rows: list[int]) -> Mapping[str, Score]:
        drawn = [examples[row] for row in rows], [predicted.predictions[row] for row in rows]
        return reader.own_scores(*drawn)

    found = intervals(own, again, units, settings)
    for metric in reader.extra:
        found |= metric.intervals(reader.task, examples, predicted.predictions, units, settings)
    drawn = {"resamples": settings.resamples, "resampled": units.kind, "drawn": len(units.rows)}
    shared = {
        "examples": len(examples),
        "split_sha256": sha256,
        "several_windows": _share(predicted.num_in_several, len(examples)),
        "truncated": predicted.num_truncated,
    }
    described = {}
    for name, score in scores.items():
        interval = found.get(name)
        passport: dict[str, Any] = {"value": score.value, "interval": interval}
        if interval is not None:
            passport |= {"confidence": settings.confidence, **drawn}
        described[name] = passport | dict.fromkeys(PASSPORT) | dict(score.about) | shared
    return {
        "examples": len(examples),
        "windows": predicted.num_windows,
        "several_windows": shared["several_windows"],
        "truncated": predicted.num_truncated,
        "precision": predicted.precision,
        "sha256": sha256,
        "loss": predicted.loss,
        "scores": described,
    }


def check_official(scores: Mapping[str, Score], official: Mapping[str, float]) -> None:
    """Our own scorers must say what the field's say, wherever ours are defined."""
    for name, number in official.items():
        value = scores[name].value
        assert value is None or abs(value - number) < OFFICIAL_WITHIN, (
            f"{name} is {value} by our scorer and {number} by the official one"
        )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
