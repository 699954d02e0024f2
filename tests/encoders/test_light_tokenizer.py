"""Without transformers, a tokenizer says token for token what it says with transformers."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.checkpoints import FAMILIES, TEXT
from toolkit.encoders.checkpoint import locate
from toolkit.encoders.light_tokenizer import NotLightError, light_reading
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.pretrained_module import load_bare, load_tokenizer, longest_of
from toolkit.encoders.recurrent import Lstm
from toolkit.errors import ToolkitError
from toolkit.windows import frame_of, pair_frame_of, pieces_of

KINDS = (*FAMILIES, "lstm-words", "lstm-strings")
words = st.lists(
    st.one_of(
        st.sampled_from(" ".join(TEXT).split()),
        st.text("aBc é\u200b中0.,'", min_size=1, max_size=6).filter(str.strip),
        st.sampled_from(["\u200b", "<unk>", "[UNK]", "U.N.", "don't", "Straße"]),
    ),
    min_size=1,
    max_size=8,
)


@pytest.fixture(scope="module")
def both(checkpoints):
    """A kind's tokenizer with transformers and without, made once."""
    made = {}

    def of(kind):
        if kind not in made:
            if kind in FAMILIES:
                place = locate(checkpoints[kind])
                made[kind] = load_tokenizer(place), light_reading(place).tokenizer
            else:
                texts = [line if kind == "lstm-strings" else line.split() for line in TEXT]
                lstm = Lstm(min_count=1)
                made[kind] = lstm.tokenizer(texts), lstm.light(texts).tokenizer
        return made[kind]

    return of


quick = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(words=words)
def test_given_words_become_the_same_tokens(both, kind, words):
    heavy, light = both(kind)
    options = {"is_split_into_words": True, "add_special_tokens": False, "verbose": False}
    expected, found = heavy(words, **options), light(words, **options)
    assert list(found["input_ids"]) == list(expected["input_ids"])
    assert list(found.word_ids()) == list(expected.word_ids())
    assert pieces_of(light, words) == pieces_of(heavy, words)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(words=words, is_prepared=st.booleans())
def test_a_text_becomes_the_same_tokens_at_the_same_characters(both, kind, words, is_prepared):
    heavy, light = both(kind)
    text = " ".join(words)
    light.prepare([text] if is_prepared else [])
    options = {"add_special_tokens": False, "return_offsets_mapping": True, "verbose": False}
    expected, found = heavy(text, **options), light(text, **options)
    assert list(found["input_ids"]) == list(expected["input_ids"]) == list(light.ids_of(text))
    assert list(found["offset_mapping"]) == list(expected["offset_mapping"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_special_tokens_around_texts_are_the_same(both, kind):
    heavy, light = both(kind)
    assert frame_of(light) == frame_of(heavy)
    assert pair_frame_of(light)[:3] == pair_frame_of(heavy)[:3]
    assert light.unk_token_id == heavy.unk_token_id


def test_positions_are_counted_as_the_loaded_encoder_counts_them(checkpoints, family):
    place = locate(checkpoints[family])
    assert light_reading(place).longest == longest_of(load_bare(place))


def test_what_only_transformers_can_do_is_refused_by_name(both):
    _, light = both("bert")
    with pytest.raises(NotLightError, match="'cls_token_id' of a tokenizer needs transformers"):
        _ = light.cls_token_id
    with pytest.raises(NotLightError, match="'truncation'"):
        light("text", truncation=True)
    with pytest.raises(NotLightError, match="'attention_mask'"):
        light("text")["attention_mask"]


def test_a_checkpoint_without_its_file_is_refused(checkpoints, tmp_path):
    folder = tmp_path / "slow"
    shutil.copytree(checkpoints["bert"], folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(NotLightError, match=r"slow has no tokenizer\.json"):
        Pretrained(checkpoint=str(folder)).light()


def test_a_file_that_is_no_tokenizer_is_the_users_to_mend(checkpoints, tmp_path):
    folder = tmp_path / "broken"
    shutil.copytree(checkpoints["bert"], folder)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ToolkitError, match=r"tokenizer\.json: no tokenizer that can be read"):
        Pretrained(checkpoint=str(folder)).light()
