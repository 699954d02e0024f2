"""Whatever is in a file, it is read or refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.conll import Conll, Conllu
from toolkit.errors import DataError

PIECES = [
    *"\t \n\r\0#-_=1Oab\u00a0\u2028\ufeff\u00b2", "\r\n", "\n\n", "\t\t", "# sent_id = 1", "# ",
    "-DOCSTART-", "B-X", "I-X", "E-X", "L-Y", "1-2", "1.1", "9" * 5000, "\ud800",
    "a\tB-X\n", "b\tI-X\n", "c O\n", "1\ta\tB-X\n", "2\tb\tO\t-\t-\n",
]  # fmt: skip
READERS = {
    "conll": Conll(train="a").read,
    "conllu": Conllu(train="a").read,
    "words": Conll(train="a").read_words,
}


@pytest.mark.parametrize("kind", READERS)
@given(content=st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=100, deadline=None)
def test_a_file_is_read_whole_or_refused_with_a_line_for_each_fault(
    kind, content, tmp_path_factory
):
    path = tmp_path_factory.getbasetemp() / "any.conll"
    path.write_bytes(content.encode(errors="surrogatepass"))
    examples, faults = [], []
    try:
        examples = READERS[kind](str(path)).examples
    except DataError as error:
        faults = error.faults
    assert bool(examples) != bool(faults)
    assert len(set(faults)) == len(faults)
    assert all(fault.startswith(f"{path}:") for fault in faults)
    for example in examples:
        assert all(example.words)
        assert len(example.tags or example.words) == len(example.words)
    assert len({example.id for example in examples}) == len(examples)
