"""The sliding window of the SQuAD paper, by hand."""

import math

import pytest

from toolkit.baselines.sliding_window import (
    MOST_WORDS,
    Asked,
    Nearby,
    SlidingWindow,
    candidates_in,
    sentences_of,
    words_of,
)
from toolkit.errors import DataError
from toolkit.examples import Answer, Question
from toolkit.tasks.question_answering import QuestionAnswering

CONTEXT = (
    "Lake Orrin was measured by Edda Fossum in 1926. The lake lies in Sarnland. "
    "Perch live in the lake."
)
COMMON = frozenset({"the", "in", "by", "was", "who", "when", "a", "of"})


def found(question, context=CONTEXT, baseline=None, most=20):
    baseline = baseline or SlidingWindow()
    spans = baseline.found(Question(question, context), COMMON, most)
    return [(context[span.start : span.end], span.score) for span in spans]


def test_words_keep_their_inner_signs():
    text = "It's 1.5 km/h (3,200 m)!"
    assert [each.lower for each in words_of(text)] == [
        "it's", "1.5", "km", "/", "h", "(", "3,200", "m", ")", "!",
    ]  # fmt: skip
    assert all(text[each.start : each.end].lower() == each.lower for each in words_of(text))


def test_a_sentence_ends_where_a_sign_ends_it_and_a_capital_follows():
    context = 'He left at 5 p.m. today. "Why?" she asked. 1926 was dry.\nso was 1927'
    found = [
        " ".join(each.lower for each in sentence)
        for sentence in sentences_of(context, words_of(context))
    ]
    assert found == [
        "he left at 5 p.m . today .", '" why ? " she asked .', "1926 was dry .", "so was 1927",
    ]  # fmt: skip


def test_a_long_sentence_is_cut_and_no_word_is_lost():
    context = "word " * (2 * MOST_WORDS + 3)
    lengths = [len(each) for each in sentences_of(context, words_of(context))]
    assert lengths == [MOST_WORDS, MOST_WORDS, 3]


def test_candidates_hold_neither_signs_nor_common_words():
    sentence = words_of("The old king, Ada of Rome")
    runs = {
        " ".join(each.lower for each in sentence[first : last + 1])
        for first, last in candidates_in(sentence, COMMON, 2)
    }
    assert runs == {"old", "king", "old king", "ada", "rome"}
    assert list(candidates_in(words_of("a b c"), frozenset(), 2)) == [
        (0, 0), (1, 1), (0, 1), (2, 2), (1, 2),
    ]  # fmt: skip


def nearby(sentence, question):
    words = words_of(sentence)
    names = [each.lower for each in words]
    weights = {name: math.log(1 + 1 / names.count(name)) for name in names}
    return Nearby(words, Asked.of(question), weights, COMMON)


def test_the_overlap_is_of_words_and_neighbours_without_the_candidate():
    here = nearby("the lake was measured by Edda in the lake", "Who measured the lake?")
    # measured, the, lake; the lake
    assert here.overlap(5, 5) == 4
    # the candidate's own words count only where they stand elsewhere, too
    assert here.overlap(3, 3) == 3
    assert here.overlap(2, 3) == 3
    # neighbours are not made by leaving something out
    assert nearby("the big lake", "the lake").overlap(1, 1) == 2


def test_the_window_is_as_wide_as_question_and_candidate_have_words():
    here = nearby("x measured y z Edda measured", "measured lake")
    # S = {measured, lake, edda}: the best three words in a row are z Edda measured
    assert here.window(4, 4) == pytest.approx(math.log(1 + 1) + math.log(1 + 1 / 2))
    assert here.window(0, 0) == pytest.approx(math.log(1 + 1) + math.log(1 + 1 / 2))
    narrow = nearby("measured y Edda measured", "measured lake")
    assert narrow.window(2, 2) == pytest.approx(math.log(1 + 1) + math.log(1 + 1 / 2))


def test_the_distance_is_to_the_nearest_word_of_the_question():
    here = nearby("x measured y z Edda q", "who measured")
    assert here.distance(4, 4) == pytest.approx(3 / 5)
    assert here.distance(3, 4) == pytest.approx(2 / 5)
    # words of the candidate itself are no neighbours of it
    assert nearby("measured Edda x measured q", "measured").distance(0, 1) == pytest.approx(2 / 4)
    assert nearby("x y z", "who measured").distance(0, 0) == 1.0
    assert nearby("measured", "who measured").distance(0, 0) == 1.0


def test_of_equal_windows_the_nearer_candidate_is_better_where_distance_counts():
    context = "Ada in of measured Bob"
    question = "Why has nobody ever measured"
    assert found(question, context)[0][0] == "Bob"
    assert found(question, context, SlidingWindow(distance=False))[0][0] == "Ada"


def test_it_finds_what_stands_beside_the_words_of_the_question():
    assert found("Who measured Lake Orrin in 1926?")[0][0] == "Edda Fossum"
    assert found("Where lies the lake?")[0][0] == "Sarnland"


def test_scores_fall_and_are_the_share_of_the_question_that_is_there():
    spans = found("Who measured Lake Orrin?")
    scores = [score for _, score in spans]
    assert scores == sorted(scores, reverse=True)
    # measured, lake, orrin and "lake orrin", of four words and three pairs
    assert 4 / 7 <= scores[0] < 5 / 7
    assert len(found("Who measured Lake Orrin?", most=3)) == 3


def test_of_equals_the_first_is_the_better_one():
    assert [text for text, _ in found("?", "Ada. Ada.")] == ["Ada", "Ada"]
    spans = SlidingWindow().found(Question("?", "Ada. Ada."), COMMON, 5)
    assert [span.start for span in spans] == [0, 5]


def test_without_an_answer_it_says_none_where_little_is_shared():
    train = [Question("q", "It rains.", ()), Question("q", "It rains.", (Answer("It", 0),))]
    task = QuestionAnswering(threshold=-0.3).learn(train)
    baseline = SlidingWindow(common=1.0)
    fitted = baseline.learn(task, train)
    known = Question("Who measured Lake Orrin?", CONTEXT)
    other = Question("How old did Marie Curie become?", CONTEXT)
    one, two = baseline.predictor(task, fitted)([known, other])
    [best] = baseline.found(known, frozenset(fitted.facts["common"]), 1)
    assert (one.start, one.end, one.no_answer_score) == (best.start, best.end, -best.score)
    assert (two.text, two.start) == ("", None)
    assert two.n_best[-1].text == ""


def test_common_words_are_those_of_many_texts():
    train = [
        Question("Who was it?", "It was Ada."),
        Question("Who ran?", "It was Ada."),
        Question("Why?", "The dog ran."),
    ]
    fitted = SlidingWindow(common=0.6).learn(QuestionAnswering(), train)
    # five texts: the context of two questions is one of them
    assert fitted.facts["common"] == ["?"]
    assert fitted.arrays["shares"].tolist() == [0.6]


def test_no_word_at_all_is_an_error():
    with pytest.raises(DataError, match="holds no word"):
        SlidingWindow().learn(QuestionAnswering(), [Question("", " ")])
