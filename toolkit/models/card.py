"""The model card: what a model is, what it was trained on, how good it is, where that ends."""

from collections.abc import Mapping
from typing import Any

import yaml

from toolkit import registry
from toolkit.models.card_limits import limits
from toolkit.models.card_tables import cell, data_table, label_table, score_table, set_parts
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


# what the Hub calls what a head of transformers does
_PIPELINES = {
    "AutoModelForTokenClassification": "token-classification",
    "AutoModelForSequenceClassification": "text-classification",
    "AutoModelForQuestionAnswering": "question-answering",
    "AutoModelForMaskedLM": "fill-mask",
}
_UNSAID: tuple[object, ...] = (None, (), {}, False)  # settings that are not worth a row


def model_card(
    recipe: Recipe,
    results: Mapping[str, Any],
    *,
    is_native: bool,
    model: str | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> str:
    """Markdown, for `model/README.md`; `model` is another folder that it lies in."""
    folder = f"{recipe.run.folder}/{recipe.run.name}"
    task = registry.name_of("task", type(recipe.task))
    standard = recipe.task.standard_head()
    load = _NATIVE if is_native and standard else _OWN
    if load is _NATIVE and getattr(recipe.model, "adapter", None) is not None:
        load = _ADAPTER
    auto_class = standard.auto_class if standard else ""
    made = manifest or {}
    parts = [
        _front_matter(recipe, auto_class, is_native=is_native),
        f"# {recipe.run.name}",
        _warning(recipe),
        f"Task: {task}. Model: {_model(recipe)}. Trained on {_sources(recipe)}.",
        "## Scores",
        score_table(results),
        label_table(results),
        *set_parts(results),
        "## Use",
        load.format(
            auto_class=auto_class,
            checkpoint=getattr(recipe.model, "checkpoint", None),
            folder=folder,
            what=_PART if recipe.model.is_neural else _NO_NETWORK,
            model=model or f"{folder}/model",
        ),
        "## Data",
        data_table(made),
        "## Limits",
        "\n".join(f"- {sentence}" for sentence in limits(recipe, results)),
        "## Training",
        _settings(recipe),
        _made_by(made),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(recipe: Recipe, auto_class: str, *, is_native: bool) -> str:
    """What the Hub reads: only what is known."""
    checkpoint = getattr(recipe.model, "checkpoint", None)
    known: dict[str, Any] = {"library_name": "transformers" if is_native else "toolkit"}
    if auto_class in _PIPELINES:
        known["pipeline_tag"] = _PIPELINES[auto_class]
    if checkpoint and checkpoint.count("/") == 1 and not checkpoint.startswith(("runs/", ".", "/")):
        known["base_model"] = checkpoint
    if recipe.run.stand_in:
        known["tags"] = ["stand-in"]
    return f"---\n{yaml.safe_dump(known, sort_keys=False)}---"


def _settings(recipe: Recipe) -> str:
    """The settings of training and model; what is switched off has no row."""
    rows = ["| setting | value |", "|---|---|"]
    for block in ("model", "train"):
        for key, value in recipe.blocks()[block].model_dump(mode="json").items():
            inner = value.values() if isinstance(value, dict) else (value,)
            if any(each not in _UNSAID and each != [] for each in inner):
                rows.append(f"| {block}.{key} | {cell(value)} |")
    return "\n".join(rows)


def _made_by(manifest: Mapping[str, Any]) -> str:
    """With which versions and on what."""
    versions = manifest.get("versions", {})
    names = [f"{name} {versions[name]}" for name in ("toolkit", "torch", "transformers", "python")
             if name in versions]  # fmt: skip
    hardware = manifest.get("hardware", {})
    on = ", ".join(hardware.get("gpus") or [str(hardware.get("machine", ""))])
    count = manifest.get("processes")
    places = f" on {on}" if on else ""
    several = f", {count} processes" if count and count > 1 else ""
    return f"Made with {', '.join(names)}{places}{several}." if names else ""


def _warning(recipe: Recipe) -> str:
    if not recipe.run.stand_in:
        return ""
    lines = "\n".join(f"> - {sentence}" for sentence in recipe.run.stand_in)
    return f"> **Made with stand-ins: these scores are not the recipe's own.**\n{lines}"


def _model(recipe: Recipe) -> str:
    name = registry.name_of("model", type(recipe.model))
    checkpoint = getattr(recipe.model, "checkpoint", None)
    return f"{name} ({checkpoint})" if checkpoint else name


def _sources(recipe: Recipe) -> str:
    distill = recipe.train.distill
    taught = f", taught by `{distill.teacher}`" if distill else ""
    return f"`{recipe.data.train}`{taught}"
