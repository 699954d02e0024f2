"""The shipped samples as recipes for baselines, and every baseline with the tasks that it fits."""

from pathlib import Path

from toolkit.standin import sample_folder

RECIPE = """
task: {task}
model: {model}
data: {{format: {format}, {splits}}}
evaluate: {{resamples: 20}}
run: {{name: small, folder: {folder}/runs}}
"""
SAMPLES = {
    "token-classification": ("ner", "conll", "conll"),
    "sequence-classification": ("tickets", "jsonl", "jsonl"),
    "question-answering": ("qa", "squad", "json"),
}
EVERY = [
    ("majority", "token-classification"),
    ("majority", "sequence-classification"),
    ("majority", "question-answering"),
    ("ngram-linear", "sequence-classification"),
    ("sliding-window", "question-answering"),
    ("most-frequent-tag", "token-classification"),
    ("hmm", "token-classification"),
    ("feature-crf", "token-classification"),
]

KEYS = {"feature-crf": ", iterations: 8"}  # the bits are what is asked for, not the score


def write_sample(folder: Path, model: str, task: str) -> str:
    """Write a recipe for the sample of a task; its path."""
    name, kind, suffix = SAMPLES[task]
    files = {split: sample_folder(name) / f"{split}.{suffix}" for split in ("train", "dev", "test")}
    splits = ", ".join(f"{split}: {path}" for split, path in files.items())
    path = folder / "small.yaml"
    text = RECIPE.format(
        task=f"{{type: {task}}}",
        model=f"{{type: {model}{KEYS.get(model, '')}}}",
        format=kind,
        splits=splits,
        folder=folder,
    )
    path.write_text(text, encoding="utf-8")
    return str(path)
