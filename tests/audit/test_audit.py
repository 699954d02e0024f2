"""The audit whole: what it says of a recipe, its JSON, and that it stays light."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recipes import pretrained, write_recipe
from toolkit import Task, load_recipe
from toolkit.audit.audit import audit
from toolkit.audit.labels import quartiles
from toolkit.audit.record import record_of
from toolkit.errors import DataError
from toolkit.examples import Tagged
from toolkit.standin import sample_folder
from toolkit.training.preparation import check_splits


@pytest.fixture
def recipe(tmp_path):
    return write_recipe(tmp_path)


def samples(tmp_path: Path, sample: str, task: str) -> str:
    (train,) = sample_folder(sample).glob("train.*")
    format = {".jsonl": "jsonl", ".json": "squad", ".conll": "conll"}[train.suffix]
    files = ", ".join(f"{name}: {train.with_stem(name)}" for name in ("train", "dev", "test"))
    (tmp_path / "r.yaml").write_text(
        f"task: {{type: {task}}}\nmodel: {{type: lstm}}\ndata: {{format: {format}, {files}}}\n",
        encoding="utf-8",
    )
    return str(tmp_path / "r.yaml")


def test_the_record_is_json_with_these_keys(recipe):
    record = record_of(audit(load_recipe(recipe)))
    assert json.loads(json.dumps(record)) == record
    assert set(record) == {
        "version", "recipe", "stand_in", "stand_ins", "about", "splits", "duplicates",
        "shared_texts", "conflicting_labels", "unseen_entities", "findings",
    }  # fmt: skip
    train = record["splits"]["train"]
    assert train["rows"] == 40
    assert set(train["labels"]) == set(record["splits"]["test"]["labels"])
    assert set(train["tokens"]) == {
        "tokens", "words", "fertility", "unknown_share", "lengths", "windows", "long_examples",
        "truncated_examples",
    }  # fmt: skip
    assert set(record["about"]) >= {"labels", "tokens", "duplicates", "unseen_entities"}
    assert len(record["duplicates"]) == 6  # three splits, and three pairs of them
    assert {"severity", "kind", "message", "examples"} == set(record["findings"][0])


def test_every_key_and_kind_is_documented(recipe):
    root = Path(__file__).parents[2]
    guide = (root / "docs" / "check.md").read_text(encoding="utf-8")
    record = record_of(audit(load_recipe(recipe)))
    keys = {*record, *record["duplicates"][0], *record["splits"]["train"]["tokens"]}
    keys |= {*record["unseen_entities"]["dev"], *record["findings"][0], *quartiles([1.0])}
    code = "".join(path.read_text() for path in (root / "toolkit" / "audit").glob("*.py"))
    kinds = set(re.findall(r'Finding\(\s*(?:severity|"\w+"[^,]*), "([a-z-]+)"', code))
    assert len(kinds) > 10
    assert [word for word in keys | kinds if not re.search(f"`{word}[`.]", guide)] == []


@pytest.mark.parametrize(
    ("sample", "task"),
    [
        ("ner", "token-classification"),
        ("tickets", "sequence-classification"),
        ("qa", "question-answering"),
    ],
)
def test_the_shipped_data_has_no_faults_and_no_leaks(tmp_path, sample, task):
    found = audit(load_recipe(samples(tmp_path, sample, task)))
    assert not found.has_errors
    assert [each for each in found.findings if each.kind == "duplicates-across"] == []
    assert [each for each in found.findings if each.severity == "warning"] == []
    assert found.tokens is not None


def test_what_stops_training_is_an_error_in_the_same_words(recipe, tmp_path):
    with open(tmp_path / "dev.conll", "a", encoding="utf-8") as file:
        file.write("\nNobody\tB-GHOST\n")
    loaded = load_recipe(recipe)
    found = audit(loaded)
    splits = {name: each.examples for name, each in loaded.data.splits().items()}
    with pytest.raises(DataError) as caught:
        check_splits(loaded.task.learn(splits["train"]), splits, {})
    errors = [each.message for each in found.findings if each.severity == "error"]
    assert errors == list(caught.value.faults)
    assert errors[0].startswith("data.dev: label 'B-GHOST'")
    assert found.findings[0].severity == "error"  # the worst comes first


def test_a_copy_in_dev_is_found(recipe, tmp_path):
    first = (tmp_path / "train.conll").read_text(encoding="utf-8").split("\n\n")[0]
    with open(tmp_path / "dev.conll", "a", encoding="utf-8") as file:
        file.write(f"\n{first}\n")
    found = audit(load_recipe(recipe))
    [finding] = [each for each in found.findings if each.kind == "duplicates-across"]
    assert finding.examples[0].startswith("train:1 = dev:13 ")


def test_the_order_of_the_findings_is_that_of_their_weight(recipe):
    ranks = {"error": 0, "warning": 1, "note": 2}
    order = [ranks[each.severity] for each in audit(load_recipe(recipe)).findings]
    assert order == sorted(order)


def test_the_audit_is_always_the_same(recipe):
    assert record_of(audit(load_recipe(recipe))) == record_of(audit(load_recipe(recipe)))


class Mentions(Task):
    """A task of the user's own that says nothing about audits."""

    reads = Tagged
    metric = "exact"

    def learn(self, examples):
        return self

    def windows(self, example, tokenizer, max_length, overlap):
        from toolkit.windows import word_windows

        return word_windows(tokenizer, example.words, max_length, overlap)

    def head(self, width):
        raise NotImplementedError

    def decode(self, example, windows, scores):
        raise NotImplementedError

    def score(self, examples, predictions):
        raise NotImplementedError


def test_a_task_of_ones_own_is_looked_at_as_well(recipe):
    loaded = load_recipe(recipe).model_copy(update={"task": Mentions()})
    record = record_of(audit(loaded))
    assert record["about"]["labels"] == {"unit": "label"}
    assert record["splits"]["train"]["labels"]["O"] > 0
    assert record["splits"]["train"]["tokens"]["windows"] == 40


@pytest.mark.parametrize("model", ["lstm", "bert"])
def test_it_brings_no_torch_and_no_transformers(tmp_path, checkpoints, model):
    block = pretrained(checkpoints["bert"]) if model == "bert" else "{type: lstm}"
    recipe = write_recipe(tmp_path, block)
    code = (
        "import sys\nfrom toolkit.cli import app\n"
        f"app(['check', {recipe!r}, '--output', {str(tmp_path / 'audit.json')!r}], "
        "standalone_mode=False)\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pandas', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    record = json.loads((tmp_path / "audit.json").read_text(encoding="utf-8"))
    assert record["splits"]["train"]["tokens"]["windows"] >= 40
