"""Numbers that are not finite, put into tiny runs at every place that holds numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import load_file

import toolkit
from tests.checkpoints import make_checkpoint
from toolkit.errors import ToolkitError
from toolkit.standin import sample_folder
from toolkit.training import finetune as job
from toolkit.training.batches import counted_seed
from toolkit.training.steps import Loop, Step

NAN, INF = float("nan"), float("inf")
VALUES = (NAN, INF, -INF)
ENCODERS = {
    "bert": "{type: pretrained, checkpoint: %s}",
    "lstm": "{type: lstm, embedding: 8, hidden: 8}",
    "new": "{type: new, layers: 2, width: 16, heads: 2, head: own}",
}
TASKS = {
    "tags": ("token-classification", "conll", "ner.conll"),
    "labels": ("sequence-classification", "jsonl", "tickets.jsonl"),
    "answers": ("question-answering", "squad", "qa.json"),
}
PAIRS = (("tags", "bert"), ("labels", "lstm"), ("answers", "bert"), ("tags", "new"))
STEPS = 4  # of a run: 16 examples, 8 a step, 2 epochs


def fill(folder: Path) -> None:
    """Write a checkpoint, and 16 examples for each task."""
    make_checkpoint("bert", folder / "bert", width=16)
    sentences = (sample_folder("ner") / "train.conll").read_text(encoding="utf-8").split("\n\n")
    (folder / "ner.conll").write_text("\n\n".join(sentences[:16]) + "\n", encoding="utf-8")
    tickets = (sample_folder("tickets") / "train.jsonl").read_text(encoding="utf-8").splitlines()
    (folder / "tickets.jsonl").write_text("\n".join(tickets[:16]) + "\n", encoding="utf-8")
    squad = json.loads((sample_folder("qa") / "train.json").read_text(encoding="utf-8"))
    first = squad["data"][0]["paragraphs"][0]
    first["qas"] = (first["qas"] * 16)[:16]
    first["qas"] = [qa | {"id": str(number)} for number, qa in enumerate(first["qas"])]
    squad["data"] = [squad["data"][0] | {"paragraphs": [first]}]
    (folder / "qa.json").write_text(json.dumps(squad), encoding="utf-8")


def recipe_of(
    folder: Path,
    runs: Path,
    task: str,
    encoder: str,
    *overrides: str,
    checkpoint: Path | None = None,
) -> toolkit.Recipe:
    kind, form, file = TASKS[task]
    model = ENCODERS[encoder]
    model = model % (checkpoint or folder / "bert") if "%s" in model else model
    path = runs / "small.yaml"
    path.write_text(
        f"task: {{type: {kind}}}\nmodel: {model}\n"
        f"data: {{format: {form}, train: {folder}/{file}, dev: {folder}/{file}}}\n"
        "train: {epochs: 2, batch_size: 8, learning_rate: 1e-3, precision: fp32}\n"
        f"evaluate: {{resamples: 0}}\nrun: {{name: small, folder: {runs}}}\n",
        encoding="utf-8",
    )
    return toolkit.load_recipe(path, *overrides)


class Poison(NamedTuple):
    """What is put into a run, and where."""

    task: str
    encoder: str
    name: str
    put: Callable[[Loop, float], Callable[[Step], None] | None]  # what it returns sees every step
    value: float

    def __str__(self) -> str:
        return f"{self.task}-{self.encoder}-{self.name}-{self.value}"


class Job(NamedTuple):
    """A run that ended."""

    error: ToolkitError | None
    run: Path
    events: list[Any]
    results: dict[str, Any]

    def records(self, name: str) -> list[dict[str, Any]]:
        path = self.run / name
        return [*map(strict_json, path.read_text().splitlines())] if path.is_file() else []


def strict_json(line: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(line, parse_constant=refuse)


def run_with(
    monkeypatch: pytest.MonkeyPatch,
    recipe: toolkit.Recipe,
    put: Callable[[Loop], Callable[[Step], None] | None] = lambda loop: None,
) -> Job:
    """Run a recipe whose loop is poisoned before its first step."""
    fit, events, seers = job.fit, [], []

    def poisoned(run, recipe, loop, *rest):
        seers.append(put(loop) or (lambda step: None))
        return fit(run, recipe, loop, *rest)

    def watch(event):
        events.append(event)
        if isinstance(event, Step):
            seers[0](event)

    run = Path(recipe.run.folder) / recipe.run.name
    with monkeypatch.context() as patch:
        patch.setattr(job, "fit", poisoned)
        try:
            finished = toolkit.finetune(recipe, watch=watch)
        except ToolkitError as error:
            return Job(error, run, events, {})
    return Job(None, run, events, finished.results)


def module_of(loop: Loop, end: str) -> tuple[str, torch.nn.Module]:
    """The first module whose name ends so."""
    return next((n, m) for n, m in loop.model.named_modules() if f".{n}".endswith(end))


def breaks_output(loop: Loop, end: str, value: float, step: int = 1, example: int | None = None):
    """Let a module's output break in one step (counted from 0), in batches that hold an example."""
    seeds = {
        counted_seed(loop.train.seed, step, each, number)
        for each in ([example] if example is not None else range(loop.plan.num_examples))
        for number in range(8)
    }
    active = []

    def look(_, given):
        active[:] = [len(given) > 3 and given[3] is not None and seeds & set(given[3].tolist())]

    loop.model.register_forward_pre_hook(look)
    name, module = module_of(loop, end)
    module.register_forward_hook(lambda _, __, out: spoiled(out, value) if active[0] else out)
    return name


def spoiled(output: Any, value: float) -> Any:
    if isinstance(output, torch.Tensor):
        return output + value if output.is_floating_point() else output
    if isinstance(output, tuple):
        parts = [spoiled(part, value) for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else tuple(parts)
    return output


def first_layer(loop: Loop, value: float) -> None:
    ends = (".layer.0", ".encoder.dropout")  # the dropout of the LSTM's states
    names = [n for n, _ in loop.model.named_modules()]
    end = next(end for end in ends if any(f".{n}".endswith(end) for n in names))
    breaks_output(loop, end, value)


def embedding(loop: Loop, value: float) -> None:
    table = loop.model.encoder.word_embedding()
    breaks_output(loop, next(n for n, m in loop.model.named_modules() if m is table), value)


def head(loop: Loop, value: float) -> None:
    breaks_output(loop, ".head.scorer", value, step=STEPS - 1)


def loss(loop: Loop, value: float) -> None:
    own = loop.model.head.loss
    loop.model.head.loss = lambda *given: (own(*given)[0] + value, own(*given)[1])


def gradient(loop: Loop, value: float) -> None:
    parameter = [p for p in loop.model.parameters() if p.requires_grad][-1]
    parameter.register_hook(lambda grad: grad + value)


def first_gradient(loop: Loop, value: float) -> None:
    parameter = next(p for p in loop.model.parameters() if p.requires_grad)
    parameter.register_hook(lambda grad: grad + value)


def weight(loop: Loop, value: float) -> Callable[[Step], None]:
    return after(1, lambda: next(p for p in loop.model.parameters() if p.requires_grad), value)


def last_weight(loop: Loop, value: float) -> Callable[[Step], None]:
    """Behind the last step: no loss is computed any more."""
    return after(STEPS, lambda: [*loop.model.parameters()][-1], value)


def moment(loop: Loop, value: float) -> Callable[[Step], None]:
    return after(1, lambda: state_of(loop, "exp_avg"), value)


def second_moment(loop: Loop, value: float) -> Callable[[Step], None]:
    return after(STEPS - 1, lambda: state_of(loop, "exp_avg_sq"), value)


def state_of(loop: Loop, kind: str) -> torch.Tensor:
    return next(iter(loop.optimiser.state.values()))[kind]


def after(step: int, tensor: Callable[[], torch.Tensor], value: float) -> Callable[[Step], None]:
    def see(event: Step) -> None:
        if event.number == step:
            tensor().detach().view(-1)[0] = value

    return see


def rate(loop: Loop, value: float) -> None:
    loop.optimiser.param_groups[-1]["highest"] = value


def evaluation(loop: Loop, value: float) -> None:
    """Only where nothing is trained, as an overflow in another arithmetic would be."""
    model = loop.model
    model.head.scorer.register_forward_hook(
        lambda _, __, scores: scores if model.training else scores + value
    )


def assert_stopped(done: Job) -> None:
    assert done.error is not None
    assert len(done.error.lines()) == 1
    assert not (done.run / "results.json").exists()
    assert not (done.run / "model").exists()
    for file in done.run.rglob("*.safetensors"):
        assert all(torch.isfinite(tensor).all() for tensor in load_file(file).values()), file
    done.records("metrics.jsonl")


PLACES = (
    embedding, first_layer, head, loss, gradient, first_gradient, weight, last_weight, moment,
    second_moment, rate, evaluation,
)  # fmt: skip
POISONS = [
    Poison(*PAIRS[(number + turn + turn // 4) % len(PAIRS)], put.__name__, put, value)
    for number, put in enumerate(PLACES)
    for turn, value in enumerate((NAN, INF, -INF, INF, NAN))
]
