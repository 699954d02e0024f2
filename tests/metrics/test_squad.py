"""The official scripts are no package, so they stand here twice: by what they printed once for
questions that touch every rule, and by a second way to the same numbers, on random questions.
"""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.evaluation.interval import bootstrap
from toolkit.metrics.squad import exact, f1, f1_or_neither, squad_scores, squad_v2_scores, words_of

# gold answers, prediction, no-answer probability
QUESTIONS = [
    (["Denver Broncos", "The Denver Broncos"], "the Denver broncos!", 0.1),
    (["gold", "golden anniversary"], "a golden  anniversary of the bowl", 0.75),
    (["12,000"], "12000", 0.3),
    (["U.S."], "us", 0.2),
    (["“noise”"], "noise", 0.4),
    (["The"], "", 0.9),
    (["cat cat dog"], "cat dog dog", 0.6),
    ([], "", 0.8),
    ([], "something", 0.75),
    ([], "else", 0.05),
]
# what evaluate-v1.1.py prints for those with an answer, and evaluate-v2.0.py for all
PRINTED_V1 = {"exact": 57.142857142857146, "f1": 61.904761904761905}
PRINTED_BEST = {
    "best_exact": 50.0,
    "best_exact_thresh": 0.3,
    "best_f1": 63.333333333333336,
    "best_f1_thresh": 0.75,
}
PRINTED_V2 = {
    "exact": 50.0,
    "f1": 63.33333333333333,
    "hasans_exact": 57.142857142857146,
    "hasans_f1": 76.19047619047618,
    "noans_exact": 33.333333333333336,
    "noans_f1": 33.333333333333336,
}
PRINTED_V2_ABOVE_07 = {
    "exact": 50.0,
    "f1": 56.666666666666664,
    "hasans_exact": 42.857142857142854,
    "hasans_f1": 52.38095238095237,
    "noans_exact": 66.66666666666667,
    "noans_f1": 66.66666666666667,
}

TEXT = st.lists(
    st.sampled_from(["the", "A", "an", "cat", "Cat,", "dog.", "a-b", "ab", "-", "“cat”", "naïve"]),
    max_size=4,
).map(" ".join)
GOLD = st.lists(TEXT, min_size=1, max_size=3)
SURE = st.integers(-1, 6).map(lambda number: number / 4)  # with ties, below 0 and above 1


def near(value):
    return pytest.approx(value, abs=1e-12)


def percent(scores):
    return {
        name: near(score.value if "thresh" in name else 100 * score.value)
        for name, score in scores.items()
    }


def plain(text):
    """Normalised words, sign by sign."""
    kept = [sign for sign in text.lower() if sign.isalnum() or sign == " " or sign > "~"]
    return [word for word in "".join(kept).split(" ") if word not in ("", "a", "an", "the")]


def overlap(gold, guess):
    """(exact, F1 or None where there is nothing to compare): shared words struck off one by one."""
    left, right = plain(gold), plain(guess)
    same, rest = 0, list(left)
    for word in right:
        if word in rest:
            rest.remove(word)
            same += 1
    total = len(left) + len(right)
    return int(left == right), Fraction(2 * same, total) if total else None


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(GOLD, TEXT), min_size=1, max_size=6))
def test_v1_is_the_mean_of_the_best_answers(rows):
    gold, predicted = zip(*rows, strict=True)
    found = [[overlap(text, guess) for text in texts] for texts, guess in rows]
    scores = squad_scores(gold, predicted)
    number = len(rows)
    assert scores["exact"].value == near(sum(max(e for e, _ in row) for row in found) / number)
    assert scores["f1"].value == near(
        float(sum(max(f or 0 for _, f in row) for row in found)) / number
    )


V2 = st.lists(st.tuples(GOLD | st.just([]), TEXT, SURE), min_size=1, max_size=6)


def measured(texts, guess, column):
    """Exact match (0) or F1 (1) of v2.0 for one question."""
    found = [overlap(text, guess) for text in texts if plain(text)] or [overlap("", guess)]
    return max(1 if row[column] is None else row[column] for row in found)


@settings(max_examples=150, deadline=None)
@given(V2, st.sampled_from([0.0, 0.5, 1.0]))
def test_v2_is_the_mean_of_each_group_by_another_way(rows, threshold):
    gold, predicted, sure = zip(*rows, strict=True)
    scores = squad_v2_scores(gold, predicted, sure, threshold)
    for name, column in (("exact", 0), ("f1", 1)):
        values = [
            measured(texts, guess, column) if doubt <= threshold else int(not texts)
            for texts, guess, doubt in rows
        ]
        for prefix, wanted in (("", (True, False)), ("hasans_", (True,)), ("noans_", (False,))):
            chosen = [
                value for value, texts in zip(values, gold, strict=True) if bool(texts) in wanted
            ]
            value = scores[prefix + name].value
            assert value == (near(float(sum(chosen)) / len(chosen)) if chosen else None)


@settings(max_examples=150, deadline=None)
@given(V2)
def test_no_cut_is_better_than_the_best_threshold(rows):
    scores = squad_v2_scores(*zip(*rows, strict=True))
    ordered = sorted(rows, key=lambda row: row[2])
    for name, column in (("exact", 0), ("f1", 1)):
        answered = [  # the script takes any text for an answer, even articles alone
            measured(texts, guess, column) if texts else int(not guess)
            for texts, guess, _ in ordered
        ]
        silent = [int(not texts) for texts, _, _ in ordered]
        cuts = [sum(answered[:cut] + silent[cut:]) for cut in range(len(rows) + 1)]
        assert scores[f"best_{name}"].value == near(float(max(cuts)) / len(rows))
        thresholds = [0.0, *(doubt for _, _, doubt in ordered)]
        best = [place for place, cut in zip(thresholds, cuts, strict=True) if cut == max(cuts)]
        assert scores[f"best_{name}_thresh"].value in best


def test_v1_is_what_the_script_printed():
    gold, predicted, _ = zip(*(row for row in QUESTIONS if row[0]), strict=True)
    assert percent(squad_scores(gold, predicted)) == PRINTED_V1


def test_v2_is_what_the_script_printed():
    gold, predicted, sure = zip(*QUESTIONS, strict=True)
    assert percent(squad_v2_scores(gold, predicted)) == PRINTED_V2
    assert percent(squad_v2_scores(gold, predicted, sure)) == PRINTED_V2 | PRINTED_BEST
    above = squad_v2_scores(gold, predicted, sure, threshold=0.7)
    assert percent(above) == PRINTED_V2_ABOVE_07 | PRINTED_BEST


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Denver BRONCOS", ["denver", "broncos"]),
        ("U.S., 12,000!", ["us", "12000"]),
        ("“no” – ASCII…", ["“no”", "–", "ascii…"]),
        ("The theatre of a king", ["theatre", "of", "king"]),
        ("the-end, an' A.", ["theend"]),  # punctuation goes first: `the-end` is one word
        (" two\u00a0 \t words\n", ["two", "words"]),
        ("The a an", []),
        ("", []),
    ],
)
def test_words_are_lower_case_without_punctuation_and_articles(answer, words):
    assert words_of(answer) == words


def test_words_count_as_often_as_they_occur():
    assert f1(["cat", "cat", "dog"], ["cat", "dog", "dog"]) == near(2 / 3)
    assert f1(["cat"], ["cat", "cat"]) == near(2 / 3)


def test_order_matters_to_exact_match_only():
    assert exact(["a", "b"], ["b", "a"]) == 0.0
    assert f1(["a", "b"], ["b", "a"]) == 1.0


def test_nothing_against_nothing_is_right_but_for_f1_in_v1():
    assert (exact([], []), f1_or_neither([], []), f1([], [])) == (1.0, 1.0, 0.0)
    assert (exact(["a"], []), f1_or_neither(["a"], []), f1_or_neither([], ["a"])) == (0, 0, 0)


def test_an_answer_of_articles_alone_is_no_answer_but_stays_among_the_answered():
    scores = squad_v2_scores([["the"], ["the", "cat"]], ["", ""])
    assert scores["hasans_exact"].value == 0.5
    assert scores["hasans_exact"].about["support"] == 2
    assert scores["noans_exact"].value is None


def test_exactly_the_threshold_is_still_an_answer():
    assert squad_v2_scores([["cat"]], ["cat"], [0.5], 0.5)["exact"].value == 1.0
    assert squad_v2_scores([["cat"]], ["cat"], [0.51], 0.5)["exact"].value == 0.0


def test_no_threshold_is_better_than_none_at_all():
    scores = squad_v2_scores([[], []], ["cat", "dog"], [0.2, 0.9])
    assert scores["best_f1"].value == 1.0
    assert scores["best_f1_thresh"].value == 0.0


def test_summed_counts_give_the_score_and_its_interval():
    gold, predicted, sure = zip(*QUESTIONS, strict=True)
    for name, score in squad_v2_scores(gold, predicted, sure).items():
        if name.startswith("best"):
            assert score.counts is None
            continue
        assert float(score.formula(score.counts.sum(axis=0))) == score.value, name
        low, high = bootstrap(score.counts, score.formula, 20, 0.95)
        assert 0 <= low <= high <= 1, name


def test_what_is_undefined_is_none_and_says_why():
    for scores in (squad_scores([], []), squad_v2_scores([], [], [])):
        for name, score in scores.items():
            assert score.value is None, name
            assert score.about["reason"], name
    lacking = squad_v2_scores([["cat"]], ["cat"])["noans_f1"]
    assert lacking.value is None
    assert lacking.about["reason"] == "no question without an answer"
