"""The model card: what a model is, what it was trained on, how good it is, how to load it."""

from collections.abc import Mapping
from typing import Any

from toolkit import registry
from toolkit.recipe.schema import Recipe

_NATIVE = """```python
from transformers import {auto_class}, AutoTokenizer

model = {auto_class}.from_pretrained("{model}")
tokenizer = AutoTokenizer.from_pretrained("{model}")
```"""
_ADAPTER = """This folder holds an adapter and its head; the rest is `{checkpoint}`.
`toolkit export {folder} PLAIN --merge` writes a folder that `transformers` loads alone.

```python
from peft import PeftModel
from transformers import AutoConfig, {auto_class}, AutoTokenizer

config = AutoConfig.from_pretrained("{folder}/model")
model = {auto_class}.from_pretrained("{checkpoint}", config=config)
model = PeftModel.from_pretrained(model, "{folder}/model")
tokenizer = AutoTokenizer.from_pretrained("{folder}/model")
```"""
_OWN = """This model {what}: it needs the toolkit.

```python
import toolkit

model = toolkit.load("{folder}")
```"""

_PART = "has a part that plain `transformers` does not know"
_NO_NETWORK = "is no neural network"


def model_card(
    recipe: Recipe, results: Mapping[str, Any], *, is_native: bool, model: str | None = None
) -> str:
    """Markdown, for `model/README.md`; `model` is another folder that it lies in."""
    folder = f"{recipe.run.folder}/{recipe.run.name}"
    task = registry.name_of("task", type(recipe.task))
    standard = recipe.task.standard_head()
    load = _NATIVE if is_native and standard else _OWN
    if load is _NATIVE and getattr(recipe.model, "adapter", None) is not None:
        load = _ADAPTER
    auto_class = standard.auto_class if standard else ""
    parts = [
        f"# {recipe.run.name}",
        _warning(recipe),
        f"Task: {task}. Model: {_model(recipe)}. Trained on `{recipe.data.train}`.",
        "## Scores",
        _table(results),
        *_sets(results),
        "## Use",
        load.format(
            auto_class=auto_class,
            checkpoint=getattr(recipe.model, "checkpoint", None),
            folder=folder,
            what=_PART if recipe.model.is_neural else _NO_NETWORK,
            model=model or f"{folder}/model",
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _warning(recipe: Recipe) -> str:
    if not recipe.run.stand_in:
        return ""
    lines = "\n".join(f"> - {sentence}" for sentence in recipe.run.stand_in)
    return f"> **Made with stand-ins: these scores are not the recipe's own.**\n{lines}"


def _model(recipe: Recipe) -> str:
    name = registry.name_of("model", type(recipe.model))
    checkpoint = getattr(recipe.model, "checkpoint", None)
    return f"{name} ({checkpoint})" if checkpoint else name


def _table(results: Mapping[str, Any]) -> str:
    rows = [
        "| split | examples | score | value | interval | what it is |",
        "|---|---|---|---|---|---|",
    ]
    for split, scored in results["splits"].items():
        for name, score in scored["scores"].items():
            about = ", ".join(
                str(score[key]) for key in ("scheme", "mode", "unit") if score.get(key)
            )
            rows.append(
                f"| {split} | {scored['examples']} | {name} | {_number(score['value'])} "
                f"| {_interval(score)} | {about} |"
            )
    return "\n".join(rows)


def _sets(results: Mapping[str, Any]) -> list[str]:
    """The evaluation sets beside the source, and what a gap is."""
    if "transfer" not in results:
        return []
    transfer, scored = results["transfer"], {**results["splits"], **results["sets"]}
    metric, source = transfer["metric"], transfer["source"]
    about = f"`{metric}` on other data; gaps are {transfer['gap']}"
    rows = [f"| set | examples | {metric} | interval | gap |", "|---|---|---|---|---|"]
    gaps = {} if source is None else {source: None}
    gaps |= {name: found["gap"] for name, found in transfer["sets"].items()}
    for name, gap in gaps.items():
        score = scored[name]["scores"].get(metric, {"value": None, "interval": None})
        rows.append(
            f"| {name}{' (source)' * (name == source)} | {scored[name]['examples']} "
            f"| {_number(score['value'])} | {_interval(score)} | {_gap(gap)} |"
        )
    mean = transfer["mean"]
    rows.append(f"| mean of {mean['sets']} | | {_number(mean['value'])} | | {_gap(mean['gap'])} |")
    if "with_source" in mean:
        rows.append(f"| with the source | | {_number(mean['with_source'])} | | |")
    chosen = "The checkpoint was chosen on the development split of the training data alone."
    if results["best"]["split"] is None:
        chosen = "There was no development split: the last weights were taken."
    return ["## Evaluation sets", f"{about}. {chosen}", "\n".join(rows)]


def _gap(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _interval(score: Mapping[str, Any]) -> str:
    if score["interval"] is None:
        return ""
    low, high = score["interval"]
    return f"{low:.4f} to {high:.4f} ({score['confidence']:.0%})"
