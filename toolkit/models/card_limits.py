"""Where a model card says that its figures end: what the run itself knows of its limits."""

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.data.text import counted
from toolkit.models.card_tables import cell, labels_of
from toolkit.recipe.schema import Recipe

FEW = 30  # examples of a label, below which its score says little
MOST_NAMED = 8


def limits(recipe: Recipe, results: Mapping[str, Any]) -> Iterator[str]:
    """A sentence each."""
    if recipe.run.stand_in:
        yield "Made with stand-ins, which are small: it shows that the recipe works, no more."
    yield from _of_scores(results)
    yield from _of_labels(results)
    yield from _of_lengths(results)
    if left_out := results.get("steps_left_out"):
        yield f"{counted(left_out, 'step')} of training were left out, since they were not finite."
    yield (
        "The scores hold for texts like those of the data below. Other fields, languages and times "
        "were not tried" + (", but for the evaluation sets." if results.get("sets") else ".")
    )
    yield "It follows its data, with whatever bias they have; nobody looked for bias here."


def _of_scores(results: Mapping[str, Any]) -> Iterator[str]:
    best = results["best"]
    if "test" not in results["splits"]:
        chosen = ", on which the checkpoint was chosen: they are too good" if best["split"] else ""
        found = f"only those of dev{chosen}" if results["splits"] else "none"
        yield f"There are no scores of a test split, {found}."
        return
    metric = best["metric"]
    score = results["splits"]["test"]["scores"].get(metric, {})
    if score.get("interval"):
        low, high = score["interval"]
        yield (
            f"The test split has {counted(results['splits']['test']['examples'], 'example')}: its "
            f"{cell(metric)} is only known to lie between {low:.4f} and {high:.4f} "
            f"({score['confidence']:.0%}), and smaller differences may be chance."
        )
    yield "One run with one seed: another seed gives another model, and another score."


def _of_labels(results: Mapping[str, Any]) -> Iterator[str]:
    split, labels = labels_of(results)
    rare = [name for name, row in labels.items() if 0 < row["support"] < FEW]
    unseen = [name for name, row in labels.items() if not row["support"]]
    never = [name for name, row in labels.items() if row["support"] and not row["recall"]]
    for names, said in (
        (rare, f"Labels with fewer than {FEW} examples in {split}, whose scores say little"),
        (unseen, f"Labels without an example in {split}, of which nothing is known"),
        (never, f"Labels that were never found in {split}"),
    ):
        if names:
            yield f"{said}: {_named(names)}."


def _of_lengths(results: Mapping[str, Any]) -> Iterator[str]:
    for split, scored in results["splits"].items():
        if scored.get("several_windows"):
            share = f"{scored['several_windows']:.1%}"
            yield f"{share} of {split} took several windows, which are read apart and combined."
        if scored.get("truncated"):
            texts = counted(scored["truncated"], "text")
            yield f"{texts} of {split} were truncated, as the recipe says: the rest was not read."


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(cell, names[:MOST_NAMED])) + more
