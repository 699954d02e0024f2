"""Saved, loaded in a new process, and merged: an adapted model says the same."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from peft import PeftModel

from tests.checkpoints import FAMILIES
from toolkit import Tagged
from toolkit.encoders.adapter import Ia3, Lora
from toolkit.encoders.adapter_module import merge
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.weights import is_part
from toolkit.errors import RunError
from toolkit.heads.standard import StandardHead
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, count_parameters, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.token_classification import TokenClassification

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))
EXAMPLES = [
    Tagged(("EU", "rejects", "German", "call"), ("O",) * 4),
    Tagged(("Peter", "Blackburn", "lives") * 3, ("B-PER",) * 9),
]
ADAPTERS = {"lora": Lora(type="lora", rank=4, dropout=0.1), "ia3": Ia3(type="ia3")}
ELSEWHERE = """
import json, sys
import numpy as np, torch
from pathlib import Path
from peft import PeftModel
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

def save(name, kind, model, inputs):
    with torch.no_grad():
        output = model.eval()(inputs) if kind == "toolkit" else model.eval()(**inputs)
    scores = output.scores if kind == "toolkit" else output.logits
    np.save(f"{name}-{kind}.npy", scores.numpy())

jobs = json.load(open(sys.argv[1]))
for name, job in jobs.items():
    job["inputs"] = {k: torch.tensor(v) for k, v in job["inputs"].items()}
    config = AutoConfig.from_pretrained(name)
    checkpoint = job["encoder"]["checkpoint"]
    base = AutoModelForTokenClassification.from_pretrained(checkpoint, config=config)
    save(name, "peft", PeftModel.from_pretrained(base, name), job["inputs"])
    merged = AutoModelForTokenClassification.from_pretrained(name + "-merged")
    save(name, "merged", merged, job["inputs"])
assert not any(name.split(".")[0] == "toolkit" for name in sys.modules)

from toolkit.encoders.pretrained import Pretrained
from toolkit.models.model import load_model
from toolkit.tasks.token_classification import TokenClassification
task = TokenClassification(labels=("O", "B-PER", "I-PER"))
for name, job in jobs.items():
    encoder = Pretrained.model_validate_json(json.dumps(job["encoder"]))
    model = load_model(task, encoder, AutoTokenizer.from_pretrained(name), Path(name))
    save(name, "toolkit", model, job["inputs"])
"""


def built(checkpoint, **keys):
    """A model with weights in its adapter as if trained, and a batch."""
    encoder = Pretrained(checkpoint=checkpoint, **keys)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(1)
    model = build_model(TASK, encoder, tokenizer).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_part(name) or name.startswith("head."):
                parameter += 0.2 * torch.randn_like(parameter)
    size = WindowSize.of(encoder, model.encoder)
    windows = [w for each in EXAMPLES for w in TASK.windows(each, tokenizer, *size)]
    return encoder, tokenizer, model, collate(windows, padding_of(tokenizer))


@torch.no_grad()
def scores_of(model, batch):
    return model(batch.inputs).scores


def test_loaded_elsewhere_and_merged_every_family_says_the_same(checkpoints, tmp_path):
    expected, jobs = {}, {}
    for family in FAMILIES:
        for kind, adapter in ADAPTERS.items():
            encoder, tokenizer, model, batch = built(checkpoints[family], adapter=adapter)
            folder = str(tmp_path / f"{family}-{kind}")
            save_model(model, encoder, tokenizer, Path(folder))
            scores = scores_of(model, batch)
            merge(model.encoder.base)
            torch.testing.assert_close(scores_of(model, batch), scores, atol=1e-5, rtol=0)
            bare = encoder.model_copy(update={"adapter": None})
            save_model(model, bare, tokenizer, Path(f"{folder}-merged"))
            expected[folder] = scores.numpy(), batch.inputs["attention_mask"].bool().numpy()
            inputs = {name: tensor.tolist() for name, tensor in batch.inputs.items()}
            jobs[folder] = {"encoder": json.loads(encoder.model_dump_json()), "inputs": inputs}
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "jobs.json")]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    for folder, (scores, real) in expected.items():
        for reader in ("peft", "merged", "toolkit"):
            found = np.load(f"{folder}-{reader}.npy")
            np.testing.assert_allclose(found[real], scores[real], atol=1e-5, rtol=0)


def test_the_adapter_changes_what_the_encoder_says(checkpoints):
    *_, model, batch = built(checkpoints["bert"], adapter=ADAPTERS["lora"])
    scores = scores_of(model, batch)
    merge(model.encoder.base)
    *_, bare, _ = built(checkpoints["bert"])
    bare.head.load_state_dict(model.head.state_dict())
    assert not torch.allclose(scores_of(bare, batch), scores, atol=1e-2)


def test_a_new_adapter_leaves_the_encoder_as_it_was(checkpoints, family):
    encoder = Pretrained(checkpoint=checkpoints[family], adapter=ADAPTERS["lora"])
    *_, batch = built(checkpoints[family])
    adapted = encoder.module(encoder.tokenizer()).eval()
    bare = encoder.model_copy(update={"adapter": None}).module(encoder.tokenizer()).eval()
    with torch.no_grad():
        assert torch.equal(adapted(batch.inputs).tokens, bare(batch.inputs).tokens)


def test_the_folder_holds_adapter_and_head_and_no_more(checkpoints, family, tmp_path):
    encoder, tokenizer, model, _ = built(checkpoints[family], adapter=ADAPTERS["lora"])
    save_model(model, encoder, tokenizer, tmp_path)
    from safetensors.torch import load_file

    saved = load_file(tmp_path / "adapter_model.safetensors")
    num_parameters, num_trained = count_parameters(model)
    assert sum(tensor.numel() for tensor in saved.values()) == num_trained < num_parameters
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("kind", ADAPTERS)
def test_with_a_head_of_ours_it_saves_and_loads(checkpoints, kind, tmp_path):
    keys = {"head": "own", "summary": "attention", "adapter": ADAPTERS[kind]}
    encoder, tokenizer, model, batch = built(checkpoints["distilbert"], **keys)
    assert not [name for name in model.frozen if "pooling" in name]
    torch.nn.init.normal_(model.encoder.pooling.query)
    save_model(model, encoder, tokenizer, tmp_path)
    loaded = load_model(TASK, encoder, tokenizer, tmp_path).eval()
    assert torch.equal(scores_of(loaded, batch), scores_of(model, batch))
    assert torch.equal(loaded.encoder.pooling.query, model.encoder.pooling.query)
    assert (tmp_path / "model.safetensors").stat().st_size < 20_000


@pytest.mark.parametrize("head", ["standard", "own"])
def test_another_checkpoint_under_the_adapter_is_refused(checkpoints, head, tmp_path):
    keys = {"head": head, "adapter": ADAPTERS["lora"]}
    encoder, tokenizer, model, _ = built(checkpoints["roberta"], **keys)
    with torch.no_grad():
        model.encoder.base.embeddings.word_embeddings.weight[0, 0] += 1
    save_model(model, encoder, tokenizer, tmp_path)
    with pytest.raises(RunError, match="are not those that this adapter was trained on"):
        load_model(TASK, encoder, tokenizer, tmp_path)


def test_the_head_and_the_adapter_take_part_and_nothing_else(checkpoints, family):
    for head in ("standard", "own"):
        *_, model, batch = built(checkpoints[family], head=head, adapter=ADAPTERS["lora"])
        model.train()
        model(batch.inputs, batch.targets).loss.backward()
        for name, parameter in model.named_parameters():
            is_trained = is_part(name) or name.startswith("head.")
            assert (parameter.grad is not None) == is_trained == (name not in model.frozen), name


# peft 0.21.2, the newest, asks a model for an alias that transformers 5.23 warns of
@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    ("auto_class", "outputs"),
    [
        ("AutoModelForSequenceClassification", ("logits",)),
        ("AutoModelForQuestionAnswering", ("start_logits", "end_logits")),
    ],
)
def test_heads_of_other_tasks_are_saved_with_it(checkpoints, family, auto_class, outputs, tmp_path):
    # BERT's pooler and RoBERTa's two layers among them
    encoder, tokenizer, _, batch = built(checkpoints[family], adapter=ADAPTERS["lora"])
    head = StandardHead(auto_class, ("a", "b"), outputs)
    module, scorer = (part.eval() for part in encoder.with_standard_head(tokenizer, head))
    with torch.no_grad():
        for parameter in (*module.parameters(), *scorer.parameters()):
            if parameter.requires_grad:
                parameter += 0.2 * torch.randn_like(parameter)
        expected = scorer(module(batch.inputs))
    encoder.save_standard(module, scorer, tmp_path)
    again = [part.eval() for part in encoder.with_standard_head(tokenizer, head, tmp_path)]
    base = getattr(transformers, auto_class).from_pretrained(
        encoder.checkpoint, config=transformers.AutoConfig.from_pretrained(tmp_path)
    )
    plain = PeftModel.from_pretrained(base, tmp_path).eval()
    with torch.no_grad():
        assert torch.equal(again[1](again[0](batch.inputs)), expected)
        found = plain(**batch.inputs)
    found = found.logits if len(outputs) == 1 else torch.stack([found[o] for o in outputs], -1)
    real = batch.inputs["attention_mask"].bool() if len(outputs) == 2 else slice(None)
    torch.testing.assert_close(found[real], expected[real], atol=1e-5, rtol=0)
