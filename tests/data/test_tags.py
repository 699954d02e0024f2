import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from toolkit.data.tags import convert, detect, is_span, why_wrong, wrong_in

SCHEMES = ("iob1", "iob2", "bioes", "bilou")
# A sentence as spans and gaps: (type or None, length).
PIECES = st.lists(st.tuples(st.sampled_from([None, "PER", "LOC", "A-B"]), st.integers(1, 3)))
ANY_TAG = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y", "E-X", "S-X", "E-Y"])


def spell(pieces, scheme):
    """The tags of spans in a scheme, by its definition and not by the code under test."""
    tags = []
    before = None  # the type of the span that ends right here
    for kind, length in pieces:
        if kind is None:
            tags += ["O"] * length
        else:
            if scheme in ("bioes", "bilou"):
                first, last, alone = {"bioes": "BES", "bilou": "BLU"}[scheme]
                inner = [first, *"I" * (length - 2), last] if length > 1 else [alone]
            else:
                opens = "B" if scheme == "iob2" or before == kind else "I"
                inner = [opens, *"I" * (length - 1)]
            tags += [f"{prefix}-{kind}" for prefix in inner]
        before = kind
    return tuple(tags)


@pytest.mark.parametrize("scheme", SCHEMES)
@given(pieces=PIECES)
@settings(max_examples=60, deadline=None)
def test_iob2_in_another_scheme_and_back_is_the_same(scheme, pieces):
    iob2 = spell(pieces, "iob2")
    there = convert(iob2, scheme)
    assert there == spell(pieces, scheme)
    assert convert(there, "iob2") == iob2
    assert wrong_in(there, scheme) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@given(sentences=st.lists(PIECES, min_size=1))
@settings(max_examples=60, deadline=None)
def test_a_file_without_faults_is_recognised(scheme, sentences):
    tags = [spell(pieces, scheme) for pieces in sentences]
    has_span = any(tag != "O" for sentence in tags for tag in sentence)
    assert detect(tags) == (scheme if has_span else "iob2")


@given(tags=st.lists(ANY_TAG, max_size=8))
@settings(max_examples=150, deadline=None)
def test_impossible_tags_are_read_as_conlleval_reads_them(tags):
    tags = [tag for tag in tags if tag[0] in "BIO"]
    assert get_entities(list(convert(tags, "iob2"))) == get_entities(tags)


@given(tags=st.lists(ANY_TAG, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_tag_is_wrong_where_the_scheme_spells_it_otherwise(tags):
    for scheme in SCHEMES:
        differing = [i for i, (a, b) in enumerate(zip(tags, convert(tags, scheme))) if a != b]
        assert wrong_in(tags, scheme) == differing
        for index in differing:
            assert why_wrong(tags, index, scheme).endswith(repr(convert(tags, scheme)[index]))


@pytest.mark.parametrize(
    ("tags", "scheme", "index", "why"),
    [
        ("I-X", "iob2", 0, "'I-X' at the start of a sentence, expected 'B-X'"),
        ("O I-X", "iob2", 1, "'I-X' after 'O', expected 'B-X'"),
        ("B-Y I-X", "iob2", 1, "'I-X' after 'B-Y', expected 'B-X'"),
        ("B-X", "iob1", 0, "'B-X' at the start of a sentence, expected 'I-X'"),
        ("I-Y B-X", "iob1", 1, "'B-X' after 'I-Y', expected 'I-X'"),
        ("B-X O", "bioes", 0, "'B-X' before 'O', expected 'S-X'"),
        ("B-X I-X", "bioes", 1, "'I-X' at the end of a sentence, expected 'E-X'"),
        ("O E-X", "bioes", 1, "'E-X' after 'O', expected 'S-X'"),
        ("O L-X", "bilou", 1, "'L-X' after 'O', expected 'U-X'"),
        ("S-X", "iob2", 0, "'S-X' at the start of a sentence, expected 'B-X'"),
        ("O PER", "iob2", 1, "tag 'PER', expected O or a type behind B-, I-"),
        ("O B-", "bilou", 1, "tag 'B-', expected O or a type behind B-, I-, L-, U-"),
    ],
)
def test_a_wrong_tag_is_found_where_it_stands(tags, scheme, index, why):
    assert wrong_in(tags.split(), scheme) == [index]
    assert why_wrong(tags.split(), index, scheme) == why


def test_a_span_that_does_not_end_and_one_that_does_not_begin_are_both_wrong():
    assert wrong_in(["B-X", "E-Y"], "bioes") == [0, 1]


def test_iob1_opens_with_b_only_between_spans_of_one_type():
    tags = ("I-X", "B-X", "I-X", "I-Y", "O")
    assert wrong_in(tags, "iob1") == []
    assert convert(tags, "iob2") == ("B-X", "B-X", "I-X", "B-Y", "O")


def test_tags_without_prefix_are_plain_and_pass_through():
    tags = ("NOUN", "O", "VERB", "X-Y", "B")
    assert detect([tags]) == "plain"
    assert wrong_in(tags, "plain") == []
    assert convert(tags, "plain") == tags


def test_tags_that_are_all_o_are_iob2():
    assert detect([("O", "O"), ()]) == "iob2"


def test_some_wrong_tags_do_not_change_the_scheme_of_a_file():
    sentences = [("B-X", "I-X"), ("O", "B-Y"), ("O", "I-X")]
    assert detect(sentences) == "iob2"


def test_a_file_that_fits_two_schemes_equally_badly_is_taken_for_iob2():
    assert detect([("I-X", "O"), ("O", "B-X")]) == "iob2"


def test_a_hyphen_in_a_type_belongs_to_the_type():
    assert is_span("B-creative-work")
    assert convert(("B-a-b", "I-a-c"), "iob2") == ("B-a-b", "B-a-c")
