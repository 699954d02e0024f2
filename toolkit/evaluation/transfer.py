"""How far a model's score falls from the data of its training to other sets."""

from collections.abc import Mapping
from typing import Any


def transfer_of(
    splits: Mapping[str, Any], sets: Mapping[str, Any], metric: str, source: str | None
) -> dict[str, Any]:
    """The score on the source, on each set, and the gap between: what `results.json` says of sets.

    A gap is in points, hundredths of the metric, and positive where the set is scored lower than
    the source: the test split, or the development split of a recipe without one, or what the
    recipe names. The means weigh every set the same; they leave out the source, and are undefined
    where the score of a set is.
    """
    source = source or next((name for name in ("test", "dev") if name in splits), None)
    scored = {**splits, **sets}
    at_source = None if source is None else _value(scored[source], metric)
    values = {name: _value(one, metric) for name, one in sets.items() if name != source}
    undefined = [name for name, value in values.items() if value is None]
    mean = None if undefined or not values else _mean(list(values.values()))
    found: dict[str, Any] = {
        "metric": metric,
        "source": source,
        "value": at_source,
        "gap": "points (0.01) of the metric below the source",
        "sets": {
            name: {"value": value, "gap": _gap(at_source, value)} for name, value in values.items()
        },
        "mean": {"value": mean, "gap": _gap(at_source, mean), "sets": len(values)},
    }
    if undefined:
        found["mean"]["reason"] = f"undefined on {', '.join(undefined)}"
    if mean is not None and at_source is not None:
        found["mean"]["with_source"] = _mean([at_source, *values.values()])
    return found


def _value(scored: Mapping[str, Any], metric: str) -> float | None:
    value: float | None = scored["scores"].get(metric, {}).get("value")
    return value


def _gap(source: float | None, value: float | None) -> float | None:
    return None if source is None or value is None else 100 * (source - value)


def _mean(values: list[Any]) -> float:
    return float(sum(values) / len(values))
