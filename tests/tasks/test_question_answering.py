import json
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoints import FAMILIES, TEXT
from tests.tasks.test_question_windows import CONTEXT, KINDS, contexts, tokenizer_of
from toolkit import check_task, losses, registry
from toolkit.encoders.pretrained import Pretrained
from toolkit.evaluation.predictions import Reader, predict
from toolkit.examples import Answer, Question
from toolkit.metrics.squad import squad_v2_scores
from toolkit.models.batch import collate, padding_of
from toolkit.models.model import build_model, load_model, save_model
from toolkit.models.reading import WindowSize
from toolkit.tasks.answer_targets import NOTHING, UNTAUGHT
from toolkit.tasks.question_answering import Answered, Candidate, QuestionAnswering

ANSWERED = QuestionAnswering(no_answer=False)
MAY_SAY_NONE = QuestionAnswering(no_answer=True)


def ask(question, *answers, context=CONTEXT):
    """A question whose answers are the first places where the context holds them."""
    return Question(question, context, tuple(Answer(text, context.index(text)) for text in answers))


QUESTIONS = [
    ask("Where does Peter live?", "Brussels", context=TEXT[0]),
    ask("Who said so?", "The European Commission", "Commission", context=TEXT[1]),
    ask("When did it say so?", "Thursday", context=TEXT[1]),
    ask("Whom did Ada work with?", "Charles Babbage", context=TEXT[2]),
    ask("Where did Marie work?", "Paris", context=TEXT[2]),
    ask("Who opened an office?", "Acme Corporation", context=TEXT[3]),
    ask("Where was it opened?", "New York", context=TEXT[3]),
    ask("Who visited Geneva?", "United Nations officials", "officials", context=TEXT[3]),
]
LIVES = [
    ask(question, gold, context=f"{name} lives in {place} .")
    for name, place in (
        ("Ada Lovelace", "London"),
        ("Marie Curie", "Paris"),
        ("Peter Blackburn", "Brussels"),
        ("Charles Babbage", "New York"),
    )
    for question, gold in (("Who is it?", name), ("Where is that?", place))
]
NONE = [
    ask("Who won?", context=TEXT[2]),
    ask("What did it cost?"),
    ask("Why?", context="who knows"),
]


def oracle(windows):
    """Scores that say what the targets of the windows say, padding included."""
    tables = []
    for window in windows:
        table = np.zeros((window.length + 3, 2), dtype=np.float32)
        span = window.targets["span"]
        if span != UNTAUGHT:
            table[span[0], 0], table[span[1], 1] = 9.0, 9.0
        tables.append(table)
    return tables


def answer(task, examples, tokenizer, max_length=32, overlap=16):
    """What the oracle answers."""
    predictions = []
    for example in examples:
        windows = task.windows(example, tokenizer, max_length, overlap)
        predictions.append(task.decode(example, windows, oracle(windows)))
    return predictions


def test_no_answer_is_learned_from_the_training_questions():
    assert QuestionAnswering().learn(QUESTIONS).no_answer is False
    assert QuestionAnswering().learn([*QUESTIONS, *NONE]).no_answer is True
    assert MAY_SAY_NONE.learn(QUESTIONS) is MAY_SAY_NONE
    assert QuestionAnswering().learn([QUESTIONS[0].without_gold()]).no_answer is False


def test_a_recipe_names_the_task_and_its_keys():
    cls = registry.look_up("task", "question-answering")
    keys = {"no_answer": "auto", "threshold": None, "max_answer_length": 12, "n_best": 3}
    assert cls.model_validate_json(json.dumps(keys)).max_answer_length == 12
    with pytest.raises(ValueError, match="no_answer"):
        cls.model_validate_json('{"no_answer": "sometimes"}')
    assert cls(no_answer=False, threshold=0.5).faults()[0][0] == "threshold"
    assert cls(threshold=0.5).faults() == []


def test_check_task_passes():
    check_task(QuestionAnswering(), [LIVES[0], LIVES[3], QUESTIONS[0]])


def test_check_task_passes_with_questions_that_have_no_answer():
    check_task(QuestionAnswering(), [*LIVES[1:3], *NONE[1:]])


@pytest.mark.parametrize("task", [ANSWERED, MAY_SAY_NONE])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(drawn=contexts(), data=st.data())
def test_an_oracle_scores_exactly_one(task, kind, drawn, data):
    context, places = drawn
    first = data.draw(st.integers(0, len(places) - 1))
    start, end = places[first][0], places[min(first + 1, len(places) - 1)][1]
    gold = Answer(context[start:end], start)
    example = Question("Who lives there?", context, (gold,))
    task = task.model_copy(update={"max_answer_length": 100})
    windows = task.windows(example, tokenizer_of(kind), 320, 240)
    predicted = task.decode(example, windows, oracle(windows))
    assert (predicted.text, predicted.start, predicted.end) == (gold.text, start, end)
    assert task.score([example], [predicted])["exact"].value == 1.0


@pytest.mark.parametrize("task", [ANSWERED, MAY_SAY_NONE])
@pytest.mark.parametrize("kind", [*FAMILIES, "lstm"])
def test_an_oracle_finds_each_of_many_equal_answers_in_a_long_context(task, kind):
    draw = random.Random(5)
    words = [
        draw.choice(["London", "met", "Zürich,", "Ada", "\u200bx", "日本"]) for _ in range(3000)
    ]
    words[::100] = ["London"] * 30
    context = " ".join(words)
    places = [len(" ".join(words[:number])) + (number > 0) for number in range(0, 3000, 500)]
    examples = [Question("Where?", context, (Answer("London", place),)) for place in places]
    predictions = answer(task, examples, tokenizer_of(kind), 128, 32)
    assert [prediction.start for prediction in predictions] == places
    assert task.score(examples, predictions)["exact"].value == 1.0


def test_an_oracle_says_where_there_is_no_answer():
    examples = [*QUESTIONS, *NONE]
    predictions = answer(MAY_SAY_NONE, examples, tokenizer_of("bert"))
    scores = MAY_SAY_NONE.score(examples, predictions)
    assert {scores[name].value for name in ("exact", "f1", "hasans_f1", "noans_f1")} == {1.0}
    assert [prediction.text for prediction in predictions[-2:]] == ["", ""]
    assert predictions[0].no_answer_score < 0 < predictions[-1].no_answer_score


@pytest.mark.parametrize(("task", "others"), [(ANSWERED, UNTAUGHT), (MAY_SAY_NONE, NOTHING)])
def test_a_window_learns_the_first_answer_that_it_holds_whole(task, others):
    context = "London is far. " + "So far away. " * 12 + "London is near."
    last = context.rindex("London")
    gold = (Answer("London is far", 0), Answer("London", last), Answer("London is", last))
    tokenizer = tokenizer_of("bert")
    windows = task.windows(Question("Where?", context, gold), tokenizer, 32, 8)
    spans = [window.targets["span"] for window in windows]
    assert len(spans) > 2
    assert spans[1:-1] == [others] * (len(spans) - 2)
    told = [
        tokenizer.decode(window.inputs["input_ids"][first : last + 1])
        for window, (first, last) in ((windows[0], spans[0]), (windows[-1], spans[-1]))
    ]
    assert told == ["London is far", "London"]


def test_questions_without_an_answer_teach_nothing_unless_the_task_has_no_answer():
    for task, expected in ((ANSWERED, UNTAUGHT), (MAY_SAY_NONE, NOTHING)):
        windows = task.windows(NONE[0], tokenizer_of("bert"), 32, 8)
        assert {window.targets["span"] for window in windows} == {expected}


def test_what_is_not_learned_as_the_gold_has_it_is_counted():
    context = "so " + "London " * 80 + "it is"
    split = Question("What?", context, (Answer(context[3:-6], 3),))
    cut = ask("Who lives there? " * 40, "Ada")
    inexact = ask("Who?", "rejects German call to boyc", context=TEXT[0])
    long = ask("Who?", TEXT[0][:-2], context=TEXT[0])
    examples = [split, cut, inexact, long, *QUESTIONS[:2], *NONE]
    task = QuestionAnswering(no_answer=True, max_answer_length=12)
    windows = [task.windows(each, tokenizer_of("lstm"), 64, 16) for each in examples]
    assert {window.targets["span"] for window in windows[0]} == {UNTAUGHT}
    assert task.notes_of(examples, windows) == [
        "1 of 9 questions teach nothing, as no window holds their answer whole: raise "
        "model.max_length",
        "1 of 9 questions have answers of over 12 tokens, which task.max_answer_length keeps back",
        "1 of 9 questions have answers that begin or end within a token, and teach that whole "
        "token",
        "1 of 9 questions take more than half a window, and are read up to there",
    ]
    assert task.notes_of(examples[4:], windows[4:]) == []


def test_answers_that_are_not_in_their_place_are_faults():
    wrong = Question("Who?", "Ada met Bob", (Answer("Ada", 0), Answer("Bob", 7), Answer("b", -1)))
    assert [fault.split(" is not")[0] for fault in ANSWERED.faults_of([wrong, *QUESTIONS])] == [
        "question 'Who?': the answer 'Bob'",
        "question 'Who?': the answer 'b'",
    ]


def test_questions_without_gold_have_no_targets():
    bare = QUESTIONS[0].without_gold()
    assert all(w.targets is None for w in ANSWERED.windows(bare, tokenizer_of("bert"), 32, 8))


def test_a_context_without_words_has_no_answer():
    example = Question("Who?", "  ")
    windows = ANSWERED.windows(example, tokenizer_of("bert"), 32, 8)
    tables = [np.zeros((windows[0].length, 2), dtype=np.float32)]
    assert ANSWERED.decode(example, windows, tables) == Answered("", None, None, 0.0, None, ())
    said = MAY_SAY_NONE.decode(example, windows, tables)
    assert said[:5] == ("", None, None, 1.0, 0.0)
    assert MAY_SAY_NONE.render(example, said) == "(no answer)"


def test_the_candidates_are_best_first_and_their_scores_probabilities():
    task = QuestionAnswering(no_answer=True, n_best=5)
    example = QUESTIONS[0]
    windows = task.windows(example, tokenizer_of("bert"), 32, 16)
    draw = np.random.default_rng(3)
    tables = [draw.normal(size=(window.length, 2)).astype(np.float32) for window in windows]
    said = task.decode(example, windows, tables)
    scores = [each.score for each in said.n_best]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1)
    assert sum(each.start is None for each in said.n_best) == 1
    assert len(said.n_best) == 6
    assert all(
        each.text == example.context[each.start : each.end]
        for each in said.n_best
        if each.start is not None
    )
    nothing = next(each.score for each in said.n_best if each.start is None)
    best = next(each.score for each in said.n_best if each.start is not None)
    assert np.log(nothing / best) == pytest.approx(said.no_answer_score)


def test_the_threshold_moves_what_is_said_and_not_the_candidates():
    windows = MAY_SAY_NONE.windows(QUESTIONS[0], tokenizer_of("bert"), 64, 16)
    lower = MAY_SAY_NONE.model_copy(update={"threshold": -99.0})
    says, says_not = (
        task.decode(QUESTIONS[0], windows, oracle(windows)) for task in (MAY_SAY_NONE, lower)
    )
    assert (says.text, says_not.text) == ("Brussels", "")
    assert says[4:] == says_not[4:]


def drawn_predictions(seed, number=40):
    draw = random.Random(seed)
    examples, predictions = [], []
    for _ in range(number):
        has_answer = draw.random() < 0.6
        examples.append(ask("?", "Ada", context="Ada met Bob") if has_answer else ask("?"))
        best = Candidate(draw.choice(["Ada", "Ada", "Ada met"]), 0, 3, 1.0)
        over = draw.gauss(-1 if has_answer else 1, 1.5)
        said = ("", None, None, 1.0) if over > 0 else best
        predictions.append(Answered(*said, over, (best,)))
    return examples, predictions


@pytest.mark.parametrize("seed", range(8))
def test_the_tuned_threshold_is_that_of_the_official_search(seed):
    examples, predictions = drawn_predictions(seed)
    gold = [[each.text for each in example.answers] for example in examples]
    forced = [prediction.best_text for prediction in predictions]
    sure = [prediction.no_answer_score for prediction in predictions]
    official = squad_v2_scores(gold, forced, sure)
    tuned = MAY_SAY_NONE.tune(examples, predictions)
    reached = squad_v2_scores(gold, forced, sure, tuned.threshold)["f1"]
    assert reached.value == pytest.approx(official["best_f1"].value, abs=1e-12)
    best = MAY_SAY_NONE.score(examples, predictions)["best_f1"]
    assert best.value == reached.value
    assert best.about["threshold"] == tuned.threshold
    assert best.counts is not None  # its interval needs no second search
    assert (MAY_SAY_NONE.metric, tuned.metric, ANSWERED.metric) == ("best_f1", "f1", "f1")
    assert tuned.tune(examples, predictions) is tuned


def test_where_no_answer_is_always_best_the_threshold_says_so():
    examples, predictions = drawn_predictions(1)
    wrong = [prediction._replace(text="Bob", n_best=()) for prediction in predictions]
    tuned = MAY_SAY_NONE.tune(examples, wrong)
    assert tuned.threshold < min(prediction.no_answer_score for prediction in predictions)


def test_where_every_question_has_an_answer_there_is_no_threshold():
    predictions = answer(ANSWERED, QUESTIONS, tokenizer_of("bert"))
    assert ANSWERED.tune(QUESTIONS, predictions) is ANSWERED
    assert set(ANSWERED.score(QUESTIONS, predictions)) == {"exact", "f1"}
    more = [*QUESTIONS, NONE[0]]
    assert ANSWERED.score(more, [*predictions, predictions[0]])["noans_f1"].value == 0.0


def test_the_loss_is_that_of_transformers(checkpoints):
    from transformers import AutoModelForQuestionAnswering

    native = AutoModelForQuestionAnswering.from_pretrained(checkpoints["bert"]).eval()
    tokenizer = tokenizer_of("bert")
    windows = [
        MAY_SAY_NONE.windows(each, tokenizer, 32, 8)[0] for each in [*QUESTIONS[:3], NONE[1]]
    ]
    assert {window.length for window in windows} == {32}  # transformers does not mask padding
    batch = collate(windows, padding_of(tokenizer))
    starts, ends = batch.targets["span"].unbind(1)
    with torch.no_grad():
        output = native(**batch.inputs, start_positions=starts, end_positions=ends)
        scores = torch.stack([output.start_logits, output.end_logits], dim=-1)
        loss, count = losses.span_cross_entropy(scores, *batch.targets.values())
    assert count == 4
    torch.testing.assert_close(loss / count, output.loss)


def test_padding_and_windows_without_a_target_take_no_part_in_the_loss():
    scores = torch.randn(3, 6, 2, requires_grad=True)
    spans = torch.tensor([[1, 2], [-100, -100], [0, 0]])
    choices = torch.tensor([[1, 1, 1, 0, -100, -100], [1] * 6, [1, 1, 1, 1, 1, -100]])
    loss, count = losses.span_cross_entropy(scores, spans, choices)
    loss.backward()
    by_hand = -sum(
        float(scores.detach()[row, choices[row] == 1, side].log_softmax(0)[spans[row, side]])
        for row in (0, 2)
        for side in (0, 1)
    )
    assert count == 2
    assert float(loss.detach()) == pytest.approx(by_hand / 2)
    assert scores.grad[1].abs().sum() == 0
    assert scores.grad[0, 3:].abs().sum() == 0
    assert scores.grad.isfinite().all()


def built(checkpoints, family):
    encoder = Pretrained(checkpoint=checkpoints[family], max_length=64)
    tokenizer = encoder.tokenizer()
    torch.manual_seed(1)
    model = build_model(ANSWERED, encoder, tokenizer).eval()
    return encoder, Reader(ANSWERED, tokenizer, WindowSize.of(encoder, model.encoder)), model


def test_transformers_alone_loads_the_head(checkpoints, family, tmp_path):
    from transformers import AutoModelForQuestionAnswering

    encoder, reader, model = built(checkpoints, family)
    windows = [window for each in QUESTIONS[:2] for window in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    save_model(model, encoder, reader.tokenizer, tmp_path / "model")
    native = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "model").eval()
    loaded = load_model(ANSWERED, encoder, reader.tokenizer, tmp_path / "model").eval()
    real = batch.inputs["attention_mask"].bool()
    with torch.no_grad():
        output, ours = native(**batch.inputs), model(batch.inputs).scores
        assert torch.equal(loaded(batch.inputs).scores, ours)
    for number, logits in enumerate((output.start_logits, output.end_logits)):
        torch.testing.assert_close(logits[real], ours[..., number][real], atol=1e-5, rtol=0)


def test_a_small_bert_learns_eight_questions_by_heart(checkpoints):
    _, reader, model = built(checkpoints, "bert")
    windows = [window for each in LIVES for window in reader.windows(each)]
    batch = collate(windows, padding_of(reader.tokenizer))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(300):
        output = model(batch.inputs, batch.targets)
        if output.loss < 0.05 * output.count:
            break
        optimiser.zero_grad()
        (output.loss / output.count).backward()
        optimiser.step()
    predicted = predict(
        model, reader, LIVES, batch_size=8, precision="fp32", device=torch.device("cpu")
    )
    assert ANSWERED.score(LIVES, predicted.predictions)["exact"].value == 1.0


def test_answers_are_shown_in_their_context_and_written_with_their_place():
    prediction = answer(MAY_SAY_NONE, QUESTIONS[:1], tokenizer_of("bert"), 64)[0]
    shown = MAY_SAY_NONE.render(QUESTIONS[0], prediction._replace(score=0.934))
    assert shown == ("Brussels (0.93): …British lamb . Peter Blackburn lives in [Brussels] .")
    record = json.loads(json.dumps(MAY_SAY_NONE.record(QUESTIONS[0], prediction)))
    start = TEXT[0].index("Brussels")
    assert (record["prediction"], record["start"], record["end"]) == ("Brussels", start, start + 8)
    assert record["n_best"][0]["text"] == "Brussels"
    assert MAY_SAY_NONE.gold(QUESTIONS[0]) == [{"text": "Brussels", "start": start}]
    assert MAY_SAY_NONE.gold(NONE[0]) == []
    assert MAY_SAY_NONE.gold(NONE[0].without_gold()) is None
