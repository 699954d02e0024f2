import pytest

from toolkit.data.columns import Columns
from toolkit.data.conll import ColumnNumbers, Conll, Conllu
from toolkit.data.text import expand, lines_of
from toolkit.errors import WAYS_OUT, DataError, UnreachableError
from toolkit.examples import Tagged


def conll(**options):
    return Conll(train="train.conll", **options)


def test_two_columns_and_a_tab(write):
    reading = conll().read(write("EU\tB-ORG\nrejects\tO\n\nGerman\tB-MISC\n\n"))
    assert reading.examples == [
        Tagged(("EU", "rejects"), ("B-ORG", "O"), "1"),
        Tagged(("German",), ("B-MISC",), "2"),
    ]
    assert reading.notes == [
        "2 sentences, 3 words; separator tab, 2 columns; scheme IOB2 (detected)"
    ]


def test_conll_2003_with_four_columns_iob1_and_documents(write):
    text = """-DOCSTART- -X- -X- O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC
call NN I-NP O

Ann NNP I-NP I-PER
Bob NNP I-NP B-PER

-DOCSTART- -X- O O

Oslo NNP I-NP I-LOC
"""
    reading = conll().read(write(text))
    assert [(example.id, example.tags) for example in reading.examples] == [
        ("doc1-s1", ("B-ORG", "O", "B-MISC", "O")),
        ("doc1-s2", ("B-PER", "B-PER")),
        ("doc2-s1", ("B-LOC",)),
    ]
    assert reading.notes == [
        "3 sentences, 7 words; separator space, 4 columns; scheme IOB1 (detected)",
        "4 tags IOB1 -> IOB2",
        "2 documents (-DOCSTART-)",
    ]


def test_universal_ner_with_rows_of_three_and_five_columns(write):
    text = """# newdoc id = a
# sent_id = a-1
# text = Al-Zaman : war
1\tAl\tB-ORG\t-\tsam
2\t-\tI-ORG\t-\tsam
3\tZaman\tI-ORG\t-\tsam
4\t:\tO
5\twar\tO

"""
    reading = conll().read(write(text))
    assert reading.examples == [
        Tagged(
            ("Al", "-", "Zaman", ":", "war"),
            ("B-ORG", "I-ORG", "I-ORG", "O", "O"),
            "a-1",
            "Al-Zaman : war",
            "a",
        )
    ]
    assert reading.notes[1:] == [
        "3 comment lines skipped",
        "2 lines tagged O ended behind the tag",
    ]


def test_universal_ner_with_labels_in_two_columns_reads_the_first(write):
    text = "1\tSrba\tB-OTH\tB-PER\t-\n2\ti\tO\tO\t-\n\n1\tPrag\tB-LOC\tB-LOC\t-\n"
    reading = conll(label_map={"B-OTH": "O"}).read(write(text))
    assert [example.tags for example in reading.examples] == [("O", "O"), ("B-LOC",)]
    assert "label_map changed 1 tag" in reading.notes


def test_columns_are_read_where_the_recipe_says(write):
    text = "0 NN dog B-X\n0 VB runs O\n"
    columns = ColumnNumbers(word=2, tag=-1)
    assert conll(columns=columns).read(write(text)).examples[0].words == ("dog", "runs")
    columns = ColumnNumbers(word=-2, tag=1)
    assert conll(columns=columns).read(write(text)).examples[0].tags == ("NN", "VB")


@pytest.mark.parametrize("tag", ["upos", "xpos", "feats", "deprel"])
def test_conll_u_by_the_name_of_the_column(write, tag):
    text = """# sent_id = de-1
# text = Im Haus
1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_
1\tIn\tin\tADP\tAPPR\tCase=Dat\t3\tcase\t_\t_
2\tdem\tder\tDET\tART\t_\t3\tdet\t_\t_
3\tHaus\tHaus\tNOUN\tNN\tCase=Dat\t0\troot\t_\t_
3.1\tsteht\tstehen\tVERB\tVVFIN\t_\t_\t_\t_\t_
"""
    expected = {
        "upos": ("ADP", "DET", "NOUN"),
        "xpos": ("APPR", "ART", "NN"),
        "feats": ("Case=Dat", "_", "Case=Dat"),
        "deprel": ("case", "det", "root"),
    }
    reading = Conllu(train="a.conllu", tag=tag).read(write(text))
    assert reading.examples == [
        Tagged(("In", "dem", "Haus"), expected[tag], "de-1", "Im Haus"),
    ]
    assert "2 lines of multiword tokens and empty nodes skipped" in reading.notes


def test_labels_are_mapped_before_the_scheme_is_looked_at(write):
    reading = conll(label_map={"PER": "B-PER", "M-PER": "I-PER", "X": "O"}).read(
        write("Ann\tPER\nLee\tM-PER\nran\tO\n")
    )
    assert reading.examples[0].tags == ("B-PER", "I-PER", "O")
    assert reading.notes[1:] == ["label_map changed 2 tags", "of label_map, not found here: X"]


@pytest.mark.parametrize("scheme", ["bioes", "bilou"])
def test_four_prefix_schemes_become_iob2(write, scheme):
    end, alone = {"bioes": "ES", "bilou": "LU"}[scheme]
    text = f"Al\tB-ORG\n-\tI-ORG\nZaman\t{end}-ORG\nin\tO\nQaim\t{alone}-LOC\n"
    reading = conll().read(write(text))
    assert reading.examples[0].tags == ("B-ORG", "I-ORG", "I-ORG", "O", "B-LOC")
    assert f"2 tags {scheme.upper()} -> IOB2" in reading.notes


def test_repair_reads_impossible_tags_as_conlleval_does_and_counts_them(write):
    text = "a\tO\nb\tI-X\nc\tI-Y\n\nd\tB-X\ne\tI-X\nf\tO\ng\tB-Y\n"
    reading = conll(repair="conll", scheme="iob2").read(write(text))
    assert reading.examples[0].tags == ("O", "B-X", "B-Y")
    assert reading.notes[-1] == (
        "2 tags that IOB2 does not allow read as conlleval does, the first in line 2"
    )


def test_a_declared_scheme_is_not_detected(write):
    reading = conll(scheme="plain").read(write("a\tI-X\nb\tB-X\n"))
    assert reading.examples[0].tags == ("I-X", "B-X")
    assert reading.notes[0].endswith("scheme plain")


def test_spans_without_a_type_are_plain_and_a_note_says_how_to_name_them(write):
    path = write("deep\tB\nlearning\tI\nis\tO\n")
    assert "label_map {B: B-X, I: I-X}" in conll().read(path).notes[1]
    named = conll(label_map={"B": "B-TERM", "I": "I-TERM"}).read(path)
    assert named.examples[0].tags == ("B-TERM", "I-TERM", "O")


def test_words_are_read_where_no_line_has_a_tag(write):
    reading = conll().read_bare(write("What\nif\n\nNew\n"))
    assert reading.examples == [Tagged(("What", "if"), None, "1"), Tagged(("New",), None, "2")]


def test_words_are_read_where_tags_are_wrong(write):
    reading = conll().read_bare(write("What\tI-X\nif\tnonsense\n"))
    assert reading.examples == [Tagged(("What", "if"), None, "1")]


def test_words_are_read_from_numbered_lines_with_and_without_tags(write):
    full = write("1\tAl\tB-X\t-\tsam\n2\tis\tO\n")
    bare = write("1\tAl\n2\tis\n")
    for path in (full, bare):
        assert conll().read_bare(path).examples[0].words == ("Al", "is")


def test_words_are_read_from_conll_u_without_annotation(write):
    text = "1\tHi\t_\t_\t_\t_\t_\t_\t_\t_\n"
    reading = Conllu(train="a.conllu").read_bare(write(text))
    assert reading.examples == [Tagged(("Hi",), None, "1")]


def test_lines_of_a_text_file_end_at_line_ends_only(write):
    assert lines_of(write("a\u2028b\r\n\nc\x0cd")) == ["a\u2028b", "", "c\x0cd"]


def test_a_variable_in_a_path_is_read_from_the_environment(write, monkeypatch, tmp_path):
    write("a\tO\n")
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    assert len(conll().read("${SOME_DATA}/train.conll").examples) == 1
    assert expand("${SOME_DATA}/train.conll") == tmp_path / "train.conll"


def test_a_variable_that_is_not_set_is_named_with_the_ways_out(monkeypatch):
    monkeypatch.delenv("SOME_DATA", raising=False)
    with pytest.raises(UnreachableError) as caught:
        expand("${SOME_DATA}/a.conll")
    assert caught.value.lines() == [f"the environment variable SOME_DATA is not set: {WAYS_OUT}"]


def test_a_file_that_a_variable_leads_to_but_that_is_not_there_is_unreachable(
    write, monkeypatch, tmp_path
):
    write("a\tO\n")
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    with pytest.raises(UnreachableError) as caught:
        conll().read("${SOME_DATA}/trian.conll")
    assert caught.value.faults == (
        f"there is no {tmp_path}/trian.conll, with SOME_DATA as it is set "
        "(Did you mean 'train.conll'?)",
    )


def test_what_is_missing_is_a_phrase_for_each_cause(monkeypatch):
    monkeypatch.delenv("SOME_DATA", raising=False)
    data = Conll(train="${SOME_DATA}/a", dev="not-there.conll", test="${SOME_DATA}/b")
    assert data.missing() == [
        "data.train, data.test: the environment variable SOME_DATA is not set"
    ]


def test_nothing_is_missing_where_paths_are_plain():
    assert Conllu(train="not-there.conllu").missing() == []


def test_a_file_that_is_not_there_is_named_with_its_folder_and_the_nearest_name(write, tmp_path):
    write("a\tO\n")
    with pytest.raises(DataError) as caught:
        conll().read(str(tmp_path / "trian.conll"))
    assert caught.value.lines() == [
        f"{tmp_path}/trian.conll: no such file in {tmp_path}. Did you mean 'train.conll'?"
    ]


def test_faults_between_fields_are_said_before_any_file_is_read():
    assert ColumnNumbers(word=1, tag=1).faults() == [
        ("tag", "found 1, expected another column than that of word")
    ]
    assert conll(label_map={"B-O": ""}).faults() == [
        ("label_map", "found '' for 'B-O', expected a label")
    ]
    assert Conllu(train="a", label_map={"_": "X"}).faults() == []


def test_every_fault_of_a_file_is_collected_and_the_first_twenty_shown(write):
    text = "".join(f"word{number}\n\n" for number in range(30)) + "a\tO\n" * 31
    with pytest.raises(DataError) as caught:
        conll(separator="tab").read(write(text))
    assert len(caught.value.faults) == 30
    assert caught.value.lines()[-1] == "... and 10 more"


def test_a_recipe_block_is_read_from_json():
    block = Conll.model_validate_json('{"train": "a", "columns": {"word": 0, "tag": -1}}')
    assert block.columns == ColumnNumbers(word=0, tag=-1)


def test_a_sentence_knows_its_document(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("-DOCSTART- -X- O O\n\na O\n\nb O\n\n-DOCSTART- -X- O O\n\nc O\n")
    examples = Conll(train=str(path)).read(str(path)).examples
    assert [example.document for example in examples] == ["doc1", "doc1", "doc2"]


def test_a_treebank_says_where_a_document_begins_with_or_without_an_id(tmp_path):
    path = tmp_path / "a.iob2"
    path.write_text(
        "# newdoc id = n.1\n# sent_id = 1\n1\ta\tO\t-\tx\n\n# sent_id = 2\n1\tb\tO\t-\tx\n\n"
        "# newdoc\n# sent_id = 3\n1\tc\tO\t-\tx\n\n# newdoc id =n.3\n1\td\tO\t-\tx\n"
    )
    examples = Conll(train=str(path)).read(str(path)).examples
    assert [example.document for example in examples] == ["n.1", "n.1", "doc2", "n.3"]


def test_without_documents_there_is_none(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text("a O\n\n# newdocument\nb O\n")
    assert [example.document for example in Conll(train=str(path)).read(str(path)).examples] == [
        "",
        "",
    ]


@pytest.mark.parametrize("most", [0, 3, 4])
def test_what_is_looked_at_ahead_is_said_once_however_long_a_file_is(write, monkeypatch, most):
    text = "# a = b\nEU\tI-ORG\n\nAl \tI-PER\n\nBo\tI-PER\t\n\n-DOCSTART-\tO\n\n\nOslo\tI-LOC\n"
    parsed = []
    groups = Columns._groups
    monkeypatch.setattr(Columns, "_groups", lambda self: parsed.append(self) or groups(self))
    expected = conll().read(write(text))
    assert len(parsed) == 1
    monkeypatch.setattr("toolkit.data.conll.MOST_KEPT", most)
    assert conll().read(write(text)) == expected
    assert len(parsed) == (3 if most < 4 else 2)
