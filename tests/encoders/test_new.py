"""Transformers from nothing: every family, every kind of vocabulary, every kind of task."""

import json
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoints import TEXT
from toolkit.encoders.new import Architecture, New
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.subword_tokenizer import learn_subwords
from toolkit.encoders.subwords import Subwords
from toolkit.errors import DataError
from toolkit.examples import Document, Question, Tagged, Text
from toolkit.heads.standard import StandardHead
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.masked_language_modelling import MaskedLanguageModelling
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification
from toolkit.windows import frame_of, pair_frame_of, pieces_of

FAMILIES = Architecture.__args__
KINDS = ("wordpiece", "bpe", "unigram")
TOKENIZERS = {
    kind: learn_subwords(Subwords(type=kind, size=400), TEXT, has_segments=True) for kind in KINDS
}
EXAMPLES = {
    TokenClassification(labels=("O", "B-PER")): Tagged(("Ada", "lived"), ("B-PER", "O")),
    SequenceClassification(classes=("a", "b")): Text("Ada lived", "in London", "a"),
    QuestionAnswering(no_answer=False): Question("Who?", "Ada lived in London.", ()),
    MaskedLanguageModelling(): Document("Ada lived in London"),
}


def small(architecture="bert", **keys):
    shape = {"layers": 2, "width": 16, "heads": 2, "positions": 40, "dropout": 0.0}
    return New(architecture=architecture, **{**shape, "vocabulary": Subwords(size=300), **keys})


@pytest.mark.parametrize("architecture", FAMILIES)
def test_the_shape_is_what_the_recipe_says(architecture):
    encoder = small(architecture, layers=3, intermediate=24)
    tokenizer = encoder.tokenizer(TEXT)
    module = encoder.module(tokenizer)
    config = module.base.config
    assert (config.model_type, config.hidden_size) == (architecture, 16)
    assert config.num_hidden_layers == 3
    assert config.num_attention_heads == 2
    assert config.vocab_size == len(tokenizer)
    assert config.pad_token_id == tokenizer.pad_token_id
    assert WindowSize.of(encoder, module).max_length == 40
    widths = {p.shape[0] for n, p in module.named_parameters() if p.dim() == 2}
    assert widths & {24, 48}  # ModernBERT's has two halves


@pytest.mark.parametrize("task", EXAMPLES, ids=lambda task: type(task).__name__)
@pytest.mark.parametrize("architecture", FAMILIES)
def test_it_trains_saves_and_loads_with_every_task(architecture, task, tmp_path):
    encoder = small(architecture)
    tokenizer = encoder.tokenizer(TEXT)
    task = task.learn_vocabulary(tokenizer)
    torch.manual_seed(0)
    model = build_model(task, encoder, tokenizer)
    [example, *_] = task.pack([EXAMPLES.get(task) or Document(TEXT[0])], tokenizer, 40).examples
    windows = task.windows(example, tokenizer, 40, 4)
    assert max(window.length for window in windows) <= 40
    batch = collate(windows, padding_of(tokenizer))
    output = model(batch.inputs, batch.targets)
    output.loss.backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert not without  # DDP waits for the gradient of every weight
    save_model(model.eval(), encoder, tokenizer, tmp_path)
    again = load_model(task, encoder, tokenizer, tmp_path).eval()
    with torch.no_grad():
        expected = model(batch.inputs, batch.targets)
        assert torch.equal(again(batch.inputs, batch.targets).scores, expected.scores)


def test_the_longest_window_can_be_read(tmp_path):
    for architecture in FAMILIES:
        encoder = small(architecture)
        tokenizer = encoder.tokenizer(TEXT)
        module = encoder.module(tokenizer).eval()
        ids = torch.full((1, 40), 7)
        module({"input_ids": ids, "attention_mask": torch.ones_like(ids)})


def test_what_it_learned_is_a_checkpoint(tmp_path):
    encoder = small("roberta", vocabulary=Subwords(type="bpe", size=400))
    tokenizer = encoder.tokenizer(TEXT)
    model = build_model(
        MaskedLanguageModelling(vocabulary=len(tokenizer)), encoder, tokenizer
    ).eval()
    save_model(model, encoder, tokenizer, tmp_path)
    later = Pretrained(checkpoint=str(tmp_path))
    head = StandardHead("AutoModelForTokenClassification", ("a", "b"))
    module, _ = later.with_standard_head(later.tokenizer(), head)
    ours = dict(model.encoder.named_parameters())
    assert all(torch.equal(ours[name], p) for name, p in module.named_parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_frames_and_pairs_are_those_of_the_families(kind):
    tokenizer = TOKENIZERS[kind]
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert frame_of(tokenizer) == ([cls], [sep])
    pair = pair_frame_of(tokenizer)
    middle = [sep] if kind == "wordpiece" else [sep, sep]
    assert (pair.before, pair.middle, pair.after) == ([cls], middle, [sep])
    assert pair.segments == (0, 0, 0, 1, 1)


@pytest.mark.parametrize("kind", KINDS)
@given(words=st.lists(st.text(st.characters(exclude_categories=("Cs",)), min_size=1), max_size=6))
@settings(max_examples=60, deadline=None)
def test_every_word_has_pieces_of_its_own(kind, words):
    pieces = pieces_of(TOKENIZERS[kind], words or ["x"])
    assert len(pieces) == len(words or ["x"])
    assert all(pieces)


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])  # Unigram's hold the space, as XLM-R's
def test_offsets_point_into_the_text(kind):
    text = "European Commission said on Thursday"
    encoded = TOKENIZERS[kind](text, add_special_tokens=False, return_offsets_mapping=True)
    for start, end in encoded["offset_mapping"]:
        assert text[start:end].strip() == text[start:end]


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded_it_is_the_same_tokenizer(kind, tmp_path):
    from transformers import AutoTokenizer

    tokenizer = TOKENIZERS[kind]
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = f"The {tokenizer.mask_token} Commission, said Ümit."
    assert loaded(text, "and London")["input_ids"] == tokenizer(text, "and London")["input_ids"]
    assert loaded.mask_token_id == tokenizer.mask_token_id
    assert loaded.model_input_names == tokenizer.model_input_names
    assert tokenizer.mask_token_id in tokenizer(text)["input_ids"]


def test_lower_case_is_read_as_the_same():
    for kind in KINDS:
        tokenizer = learn_subwords(
            Subwords(type=kind, size=400, lowercase=True), TEXT, has_segments=False
        )
        assert tokenizer("LONDON")["input_ids"] == tokenizer("london")["input_ids"]
        assert "token_type_ids" not in tokenizer("london")


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(DataError, match="no word in the texts"):
        learn_subwords(Subwords(), [" ", []], has_segments=False)


def test_the_vocabulary_is_the_same_in_every_process():
    code = (
        "import json; from tests.checkpoints import TEXT;"
        "from toolkit.encoders.subwords import Subwords;"
        "from toolkit.encoders.subword_tokenizer import learn_subwords;"
        "print(json.dumps([learn_subwords(Subwords(type=k, size=400), TEXT, has_segments=True)"
        ".get_vocab() for k in ('wordpiece', 'bpe')]))"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        expected = [TOKENIZERS[kind].get_vocab() for kind in ("wordpiece", "bpe")]
        assert json.loads(done.stdout) == expected


def test_faults_between_keys():
    faults = dict(small(heads=3, max_length=64).faults())
    assert set(faults) == {"heads", "max_length"}
