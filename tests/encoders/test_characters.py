"""Features of letters: those of the papers, for known words and for words that are spelled."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoTokenizer

import toolkit
from tests.encoders.word_batches import assert_read_alone, batch_of
from tests.recipes import write_recipe
from toolkit.encoders.character_module import CharacterModule
from toolkit.encoders.characters import Convolution, Recurrence
from toolkit.encoders.recurrent import Lstm
from toolkit.encoders.spelling import Letters, ends_of, starts_of
from toolkit.encoders.transformer import Transformer
from toolkit.encoders.word_tokenizer import CAPITAL, INSIDE, OTHER_LETTER
from toolkit.evaluation.predictions import Reader, predict
from toolkit.examples import Answer, Question
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model
from toolkit.models.reading import WindowSize
from toolkit.recipe.comments import comments_of
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.windows import pieces_of

TEXTS = [
    ("The", "people", "of", "Berlin", "met", "in", "the", "street", "."),
    ("Berlin", "met", "people", "of", "the", "street", "."),
]
KINDS = {
    "convolution": Convolution(type="convolution", embedding=4, width=6),
    "recurrence": Recurrence(type="recurrence", embedding=4, width=6),
}
SMALL = {"embedding": 6, "hidden": 5, "dropout": 0.0, "word_dropout": 0.0}


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(params=KINDS)
def kind(request):
    return KINDS[request.param]


def made(characters, texts=TEXTS, **fields):
    """An encoder, its tokenizer and its module."""
    encoder = Lstm(characters=characters, **SMALL | fields)
    tokenizer = encoder.tokenizer(texts)
    return encoder, tokenizer, encoder.module(tokenizer)


def pieces(tokenizer, *words):
    return tokenizer.convert_ids_to_tokens(
        tokenizer(list(words), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    )


def spelling(word):
    """The tokens of a word that is not known."""
    return [word[0], *(INSIDE + letter for letter in word[1:])]


def test_words_that_the_vocabulary_lacks_are_spelled(kind):
    tokenizer = made(kind)[1]
    assert pieces(tokenizer, "people") == ["people"]
    assert pieces(tokenizer, "people", "peoples", "met") == ["people", *spelling("peoples"), "met"]
    assert pieces(tokenizer, "Street", "Trees") == [CAPITAL, "street", CAPITAL, *spelling("trees")]


def test_letters_of_no_known_word_are_another_letter(kind):
    tokenizer = made(kind)[1]
    expected = [*spelling(f"t{OTHER_LETTER}r{OTHER_LETTER}"), *spelling(OTHER_LETTER * 2)]
    assert pieces(tokenizer, "tür☂", "☂☂") == expected
    assert tokenizer.unk_token_id not in tokenizer(["tür☂", "☂☂"])["input_ids"]


def test_in_strings_letters_are_spelled_and_unknown_signs_stay_unknown(kind):
    tokenizer = made(kind, ["the people of the people of.", "."])[1]
    found = tokenizer("people top☂ öf.", add_special_tokens=False)
    tokens = tokenizer.convert_ids_to_tokens(found["input_ids"])
    assert tokens == ["people", *spelling("top"), "[UNK]", *spelling(f"{OTHER_LETTER}f"), "."]


def test_letters_that_occur_often_are_known_though_their_words_are_not(kind):
    tokenizer = made(kind, [("met", "Öfen", "met", "Höfe"), ("ÿ", "7", "7")], min_count=2)[1]
    expected = [*spelling(f"ö{OTHER_LETTER}"), *spelling("7m")]
    assert pieces(tokenizer, "öÿ", "7m") == expected


def test_no_word_looks_like_a_letter_inside_one(kind):
    tokenizer = made(kind, [(f"{INSIDE}e", "e", f"e{INSIDE}e")] * 2)[1]
    expected = [*spelling(f"{OTHER_LETTER}e"), "e", *spelling(f"e{OTHER_LETTER}e")]
    assert pieces(tokenizer, f"{INSIDE}e", "e", f"e{INSIDE}e") == expected


def test_without_characters_the_vocabulary_is_what_it_was():
    tokenizer = made(None)[1]
    assert type(tokenizer.backend_tokenizer.model).__name__ == "WordLevel"
    assert pieces(tokenizer, "peoples") == ["[UNK]"]


def test_a_batch_is_read_as_the_letters_of_its_words(kind):
    _, tokenizer, module = made(kind)
    texts = ("The", "people", "peoples", "e", "met"), ("trees",)
    batch = batch_of(tokenizer, *texts)
    ids, mask = batch["input_ids"], batch["attention_mask"].bool()
    spelled = module.spelling
    continues = spelled.continues(ids, mask)
    order = module.arranged(mask & ~continues & (ids != module.capital))
    letters, is_spelled = spelled(ids, continues, order)
    inside = [entry[1] for entry in sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
              if entry.startswith(INSIDE)]  # fmt: skip
    names = ["-", *inside]
    found = [
        "".join(names[number] for number in letters.numbers[row][letters.real[row]])
        for row in letters.rows
    ]
    read = dict(
        zip(order.source.tolist(), zip(found, is_spelled.tolist(), strict=True), strict=True)
    )
    words = [word for _, word in sorted(read.items())]
    assert words == [
        ("-", False), ("the", False), ("people", False), ("peoples", True), ("e", True),
        ("met", False), ("-", False), ("-", False), ("trees", True), ("-", False),
    ]  # fmt: skip


LETTERS = st.sampled_from(f"aAb⇧{INSIDE}{OTHER_LETTER}\x1c\x85\u2028\u0301ßİ🙂")
ODD = st.text(LETTERS | st.characters(codec="utf-8"), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD, min_size=1, max_size=5), st.lists(ODD, min_size=1, max_size=5),
       st.sampled_from(["mark", "lower", "keep"]), st.booleans())  # fmt: skip
def test_whatever_the_words_each_has_tokens_that_are_read(known, new, case, are_strings):
    texts = [" ".join(known)] * 2 if are_strings else [tuple(known)] * 2
    encoder = Lstm(characters=KINDS["convolution"], case=case, **SMALL)
    tokenizer = encoder.tokenizer(texts)
    words = [*known, *new]
    found = [ids for ids in pieces_of(tokenizer, words) if ids]
    assert len(found) == len(words)
    module = encoder.module(tokenizer).eval()
    ids = torch.tensor([[2, *(token for each in found for token in each), 3]])
    mask = torch.ones_like(ids)
    assert module({"input_ids": ids, "attention_mask": mask}).tokens.any(2).all()
    place = 1
    continues = module.spelling.continues(ids, mask.bool())[0].tolist()
    for each in found:
        assert not continues[place]
        place += len(each)


def test_starts_and_ends_of_words():
    continues = torch.tensor([[0, 0, 1, 1, 0, 1], [0, 1, 0, 0, 0, 0]]).bool()
    assert starts_of(continues).tolist() == [[0, 1, 1, 1, 4, 4], [0, 0, 2, 3, 4, 5]]
    assert ends_of(continues).tolist() == [[1, 4, 4, 4, 6, 6], [2, 2, 3, 4, 5, 6]]


def test_a_window_that_begins_within_a_word_begins_a_word():
    _, tokenizer, module = made(KINDS["convolution"])
    ids = batch_of(tokenizer, ["trees"])["input_ids"]
    cut = ids[:, [0, 3, 4, 5]]  # [CLS] ‿e ‿e ‿s
    continues = module.spelling.continues(cut, torch.ones_like(cut).bool())
    assert continues.tolist() == [[False, False, True, True]]


def random_letters(number):
    sizes = torch.randint(1, 8, (number,))
    real = torch.arange(int(sizes.max())) < sizes[:, None]
    return Letters(torch.randint(0, 9, real.shape), real, torch.arange(number))


def test_a_convolution_is_the_strongest_trace_of_each_pattern():
    for window in (1, 3, 5):
        shape = Convolution(type="convolution", embedding=4, width=6, window=window)
        module, letters = CharacterModule(shape, 9), random_letters(12)
        found = module(letters)
        edges = [module.edge] * (window // 2)
        for row, real in enumerate(letters.real):
            word = torch.tensor([*edges, *letters.numbers[row][real].tolist(), *edges])
            vectors = module.embedding(word)  # (letters and edges, 4)
            weight = module.reader.pattern.weight.view(6, window, 4).transpose(1, 2)
            traces = nn.functional.conv1d(vectors.T[None], weight, module.reader.pattern.bias)
            torch.testing.assert_close(found[row], traces[0].amax(1))


def test_a_recurrence_is_the_states_at_either_end():
    module, letters = CharacterModule(KINDS["recurrence"], 9), random_letters(12)
    found = module(letters)
    forward, backward = module.reader.lstm.layers[0]
    for row, real in enumerate(letters.real):
        vectors = module.embedding(letters.numbers[row][real])[:, None]
        ends = []
        for cell, word in ((forward, vectors), (backward, vectors.flip(0))):
            hidden = memory = torch.zeros(1, 3)
            for letter in word:
                hidden, memory = cell.step(letter, hidden, memory)
            ends.append(hidden[0])
        torch.testing.assert_close(found[row], torch.cat(ends))


def test_unknown_words_are_told_apart_by_their_letters(kind):
    states = {}
    for characters in (None, kind):
        _, tokenizer, module = made(characters)
        module.eval()
        texts = [("met", word, ".") for word in ("trees", "trims")]
        states[characters] = [module(batch_of(tokenizer, text)).tokens[0, 2] for text in texts]
    assert torch.equal(*states[None])
    assert not torch.allclose(*states[kind])


def test_every_token_of_a_spelled_word_begins_with_its_state(kind):
    _, tokenizer, module = made(kind)
    batch = batch_of(tokenizer, ("met", "Trees", "."))
    tokens = module.eval()(batch).tokens[0]  # [CLS] met ⇧ t ‿r ‿e ‿e ‿s . [SEP]
    for place in range(3, 8):
        assert torch.equal(tokens[place], tokens[2])
    assert not torch.allclose(tokens[8], tokens[7])
    with torch.no_grad():
        module.behind_first.copy_(torch.tensor([[1.0], [5.0]]).expand(2, module.width))
    apart = module(batch).tokens[0]
    assert torch.equal(apart[[0, 1, 2, 3, 8, 9]], tokens[[0, 1, 2, 3, 8, 9]])
    torch.testing.assert_close(apart[4:7], tokens[4:7] + 1)
    torch.testing.assert_close(apart[7], tokens[7] + 5)


@pytest.mark.parametrize("summary", ["max", "mean", "last", "first", "attention"])
@pytest.mark.parametrize("encoder", [Lstm, Transformer])
def test_padding_and_neighbours_change_nothing(encoder, kind, summary):
    shape = encoder(embedding=8, dropout=0.0, characters=kind, summary=summary)
    tokenizer = shape.tokenizer(TEXTS)
    module = shape.module(tokenizer).eval()
    texts = ("Peoples", "met", "Trees"), ("people",), ("a", "streetlamp", "☂")
    together = module(batch_of(tokenizer, *texts))
    assert_read_alone(module, tokenizer, texts, together)


def test_a_text_without_words_is_read(kind):
    _, tokenizer, module = made(kind)
    encoded = module(batch_of(tokenizer, []))
    assert encoded.summary.isfinite().all()
    encoded.summary.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_hidden_words_keep_their_letters(kind):
    _, tokenizer, module = made(kind, word_dropout=0.999)
    batch = batch_of(tokenizer, ("people", "met"))
    first, second = (
        module.train()(batch_of(tokenizer, (word, "met"))).tokens[0, 1] for word in ("people", "of")
    )
    assert not torch.allclose(first, second)
    assert not torch.allclose(module(batch).tokens[0, 1], module.eval()(batch).tokens[0, 1])


def test_saved_and_restored_it_predicts_the_same(kind, tmp_path):
    encoder, tokenizer, module = made(kind)
    tokenizer.save_pretrained(tmp_path)
    save_file(module.state_dict(), tmp_path / "model.safetensors")
    again = AutoTokenizer.from_pretrained(tmp_path)
    restored = Lstm.model_validate_json(encoder.model_dump_json()).restore(again, tmp_path)
    restored.load_state_dict(load_file(tmp_path / "model.safetensors"))
    texts = ("Berlin", "met", "unheard", "Öf", "x"), ("New York",)
    before = module.eval()(batch_of(tokenizer, *texts))
    after = restored.eval()(batch_of(again, *texts))
    assert torch.equal(before.tokens, after.tokens)


def test_the_light_tokenizer_spells_too(kind):
    encoder, tokenizer, _ = made(kind)
    words = ["Peoples", "met", "☂", "x"]
    light = encoder.light(TEXTS).tokenizer
    expected = tokenizer(words, is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert light.ids_of(words) == expected


def test_an_ending_decides_for_words_that_were_never_seen(kind):
    """Words of two endings, each of them once: all are spelled, and so are those that follow."""
    stems = ["walk", "sing", "plant", "paint", "drink", "farm", "bak", "rid", "danc", "driv"]
    texts = [(stem + ending,) for stem in stems for ending in ("er", "ly")]
    encoder = Lstm(embedding=8, hidden=8, dropout=0.0, characters=kind)
    tokenizer = encoder.tokenizer([*texts, *(tuple("".join(stems) + "erly"),) * 2])
    module = encoder.module(tokenizer)
    head = nn.Linear(module.width, 2)
    optimiser = torch.optim.Adam([*module.parameters(), *head.parameters()], lr=0.01)
    batch, answers = batch_of(tokenizer, *texts), torch.tensor([0, 1] * len(stems))
    for _ in range(150):
        loss = nn.functional.cross_entropy(head(module(batch).summary), answers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    new = batch_of(tokenizer, ["leader"], ["kindly"], ["baker"], ["gladly"], ["ruler"], ["sadly"])
    assert head(module.eval()(new).summary).argmax(1).tolist() == [0, 1, 0, 1, 0, 1]


def test_answers_that_are_spelled_come_out_whole(kind):
    names = ["Adalbert", "Zenobia", "Quintus", "Leopoldine", "Ottokar", "Wilhelmina"]
    questions = []
    for name in names:
        context = f"The writer {name} lived for years by the river."
        answer = Answer(name, context.index(name))
        questions.append(Question("who lived there", context, (answer,), name))
    encoder = Lstm(embedding=24, hidden=24, dropout=0.0, characters=kind)
    task = QuestionAnswering(no_answer=False).learn(questions)
    tokenizer = encoder.tokenizer([text for each in questions for text in task.texts(each)])
    assert all(len(pieces(tokenizer, name)) == len(name) + 1 for name in names)  # ⇧, and letters
    model = build_model(task, encoder, tokenizer)
    reader = Reader(task, tokenizer, WindowSize.of(encoder, model.encoder))
    windows = [window for each in questions for window in reader.windows(each)]
    batch = collate(windows, padding_of(tokenizer))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(80):
        output = model(batch.inputs, batch.targets)
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
    found = predict(
        model.eval(), reader, questions, batch_size=8, precision="fp32", device=torch.device("cpu")
    ).predictions
    assert [prediction.text for prediction in found] == names


@pytest.mark.parametrize("model", ["lstm", "transformer"])
def test_a_run_goes_through_the_stored_windows_and_predicts_unknown_words(model, tmp_path):
    block = f"{{type: {model}, embedding: 16, characters: {{type: convolution, width: 8}}}}"
    recipe = toolkit.load_recipe(write_recipe(tmp_path, block), "run.name=letters")
    toolkit.finetune(recipe)
    loaded = toolkit.load(tmp_path / "runs" / "letters")
    words = ["Xylographers", "met", "in", "Qaanaaq", "☂", "."]
    [prediction] = loaded.predict([words])
    assert len(prediction.tags) == len(words)


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ("type: convolution, window: 4", "window: found 4, expected an odd number"),
        ("type: recurrence, width: 7", "width: found 7, expected an even number"),
    ],
)
def test_widths_that_do_not_go_are_faults(tmp_path, keys, fault):
    path = write_recipe(tmp_path, f"{{type: lstm, characters: {{{keys}}}}}")
    with pytest.raises(toolkit.errors.RecipeError) as caught:
        toolkit.load_recipe(path)
    assert list(caught.value.faults) == [f"{path}:3: model.characters.{fault}"]


@pytest.mark.parametrize("cls", [Convolution, Recurrence])
def test_every_field_is_documented(cls):
    assert set(comments_of(cls)) == set(cls.model_fields)
