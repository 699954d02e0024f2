from toolkit.tasks.transitions import are_spans, legal_transitions, unreachable

LABELS = ("O", "B-X", "I-X", "B-Y", "I-Y")


def test_iob2_goes_on_only_with_the_same_type():
    assert legal_transitions(LABELS) == [
        [True, True, False, True, False],  # after O
        [True, True, True, True, False],  # after B-X
        [True, True, True, True, False],  # after I-X
        [True, True, False, True, True],  # after B-Y
        [True, True, False, True, True],  # after I-Y
        [True, True, False, True, False],  # at the start
        [True, True, True, True, True],  # at the end
    ]


def test_plain_tags_may_follow_as_they_like():
    assert not are_spans(("I-ADJ", "NOUN"))
    assert all(all(row) for row in legal_transitions(("I-ADJ", "NOUN")))


def test_a_label_that_nothing_leads_to_is_named():
    assert unreachable(("O", "B-X", "I-X", "I-Y")) == ["I-Y"]
    assert unreachable(("I-ADJ", "NOUN")) == []
