"""The folder of a model with its family's own head is one that plain transformers loads."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.checkpoints import FAMILIES, make_tokenizer
from toolkit import Tagged
from toolkit.encoders.checkpoint import locate
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.pretrained_module import load_with_head
from toolkit.errors import RecipeError, ToolkitError
from toolkit.heads.standard import StandardHead
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.token_classification import TokenClassification

TASK = TokenClassification(labels=("O", "B-PER", "I-PER"))
EXAMPLES = [
    Tagged(("EU", "\u200b", "rejects", "U.N.", "Zürich"), ("O",) * 5),
    Tagged(("Peter", "Blackburn", "lives", "in", "London") * 8, ("B-PER",) * 40),
]
PLAIN = """
import json, sys
import numpy as np, torch
from transformers import AutoModelForTokenClassification, AutoTokenizer
for name, batch in json.load(open(sys.argv[1])).items():
    model = AutoModelForTokenClassification.from_pretrained(name).eval()
    tokenizer = AutoTokenizer.from_pretrained(name)
    with torch.no_grad():
        logits = model(**{k: torch.tensor(v) for k, v in batch.items()}).logits
    np.save(name + ".npy", logits.numpy())
    assert model.config.id2label == {0: "O", 1: "B-PER", 2: "I-PER"}
    ids = tokenizer(["EU", "rejects"], is_split_into_words=True)["input_ids"]
    json.dump(ids, open(name + ".ids", "w"))
assert not any(name.split(".")[0] == "toolkit" for name in sys.modules)
"""


def built(checkpoints, family, **keys):
    encoder = Pretrained(checkpoint=checkpoints[family], **keys)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(1)
    model = build_model(TASK, encoder, tokenizer).eval()
    size = WindowSize.of(encoder, model.encoder)
    windows = [w for each in EXAMPLES for w in TASK.windows(each, tokenizer, *size)]
    return encoder, tokenizer, model, collate(windows, padding_of(tokenizer))


def test_transformers_alone_computes_the_same_logits(checkpoints, tmp_path):
    expected, batches = {}, {}
    for family in FAMILIES:
        encoder, tokenizer, model, batch = built(checkpoints, family)
        folder = tmp_path / family
        save_model(model, encoder, tokenizer, folder)
        with torch.no_grad():
            expected[family] = model(batch.inputs).scores.numpy(), batch.inputs["attention_mask"]
        batches[str(folder)] = {name: tensor.tolist() for name, tensor in batch.inputs.items()}
    (tmp_path / "batches.json").write_text(json.dumps(batches))
    command = [sys.executable, "-c", PLAIN, str(tmp_path / "batches.json")]
    subprocess.run(command, check=True, cwd=tmp_path)
    for family in FAMILIES:
        logits = np.load(tmp_path / f"{family}.npy")
        scores, mask = expected[family]
        real = mask.bool().numpy()
        np.testing.assert_allclose(logits[real], scores[real], atol=1e-5, rtol=0)
        ours = Pretrained(checkpoint=checkpoints[family]).tokenizer()
        ids = ours(["EU", "rejects"], is_split_into_words=True)["input_ids"]
        assert json.loads((tmp_path / f"{family}.ids").read_text()) == ids


@pytest.mark.parametrize(
    ("auto_class", "outputs"),
    [
        ("AutoModelForTokenClassification", ("logits",)),
        ("AutoModelForSequenceClassification", ("logits",)),
        ("AutoModelForQuestionAnswering", ("start_logits", "end_logits")),
    ],
)
def test_a_familys_own_head_over_a_stub_is_the_whole_model(
    checkpoints, family, auto_class, outputs
):
    encoder, tokenizer, _, batch = built(checkpoints, family)
    head = StandardHead(auto_class, ("a", "b"), outputs)
    place = locate(encoder.checkpoint)
    torch.manual_seed(4)
    whole = load_with_head(place, head, whole=False)[0].eval()
    torch.manual_seed(4)
    module, scorer = encoder.with_standard_head(tokenizer, head)
    module.eval(), scorer.eval()
    with torch.no_grad():
        expected = whole(**batch.inputs)
        scores = scorer(module(batch.inputs))
    mask = batch.inputs["attention_mask"].bool()
    for number, name in enumerate(outputs):
        score = scores[..., number] if len(outputs) > 1 else scores
        if score.shape[:2] == mask.shape:
            torch.testing.assert_close(score[mask], expected[name][mask], atol=1e-6, rtol=0)
        else:
            torch.testing.assert_close(score, expected[name], atol=1e-6, rtol=0)


def test_saved_and_loaded_it_is_the_same_model(checkpoints, family, tmp_path):
    encoder, tokenizer, model, batch = built(checkpoints, family)
    save_model(model, encoder, tokenizer, tmp_path / "model")
    loaded = load_model(TASK, encoder, tokenizer, tmp_path / "model").eval()
    with torch.no_grad():
        assert torch.equal(model(batch.inputs).scores, loaded(batch.inputs).scores)


@pytest.mark.parametrize("summary", ["first", "last", "mean", "max", "attention"])
def test_a_head_of_ours_saves_and_loads(checkpoints, family, summary, tmp_path):
    encoder, tokenizer, model, batch = built(checkpoints, family, head="own", summary=summary)
    assert not model.is_native
    for query in model.encoder.pooling.parameters():
        torch.nn.init.normal_(query)
    save_model(model, encoder, tokenizer, tmp_path / "model")
    loaded = load_model(TASK, encoder, tokenizer, tmp_path / "model").eval()
    with torch.no_grad():
        assert torch.equal(model(batch.inputs).scores, loaded(batch.inputs).scores)
        assert torch.equal(
            model.encoder(batch.inputs).summary, loaded.encoder(batch.inputs).summary
        )


def test_every_weight_takes_part(checkpoints, family):
    # DDP refuses a weight without a gradient, such as BERT's unused pooler
    for head in ("standard", "own"):
        *_, model, batch = built(checkpoints, family, head=head)
        model.train()
        model(batch.inputs, batch.targets).loss.backward()
        assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_windows_are_as_long_as_the_encoder_has_positions(checkpoints, family):
    encoder = Pretrained(checkpoint=checkpoints[family])
    tokenizer = encoder.tokenizer()
    model = build_model(TASK, encoder, tokenizer)
    assert WindowSize.of(encoder, model.encoder).max_length == 64
    with pytest.raises(RecipeError, match="65, but the encoder has positions for 64 tokens"):
        WindowSize.of(encoder.model_copy(update={"max_length": 65}), model.encoder)


def test_a_checkpoint_that_lacks_encoder_weights_is_refused(checkpoints, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(checkpoints["bert"], folder)
    weights = load_file(folder / "model.safetensors")
    weights = {name: w for name, w in weights.items() if "layer.1.output.dense" not in name}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    encoder = Pretrained(checkpoint=str(folder))
    with pytest.raises(ToolkitError, match="lacks 2 weights of the encoder"):
        build_model(TASK, encoder, encoder.tokenizer())


def test_a_folder_without_a_config_is_no_checkpoint(tmp_path):
    with pytest.raises(ToolkitError, match=r"holds no config\.json"):
        Pretrained(checkpoint=str(tmp_path)).missing()


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(ToolkitError, match=r"no folder \./nowhere"):
        Pretrained(checkpoint="./nowhere").missing()


def test_a_family_without_a_head_for_the_task_says_what_to_set(tmp_path):
    from transformers import AutoConfig, AutoModel

    tokenizer = make_tokenizer("modernbert")
    tokenizer.save_pretrained(tmp_path)
    shape = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
        "max_position_embeddings": 64, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    AutoModel.from_config(AutoConfig.for_model("eurobert", **shape)).save_pretrained(tmp_path)
    encoder, task = Pretrained(checkpoint=str(tmp_path)), QuestionAnswering(no_answer=False)
    expected = (
        "model.head: found 'standard', but eurobert has no AutoModelForQuestionAnswering: "
        "set model.head: own"
    )
    with pytest.raises(RecipeError) as caught:
        build_model(task, encoder, encoder.tokenizer())
    assert str(caught.value) == expected
    own = encoder.model_copy(update={"head": "own"})
    assert not build_model(task, own, own.tokenizer()).is_native
