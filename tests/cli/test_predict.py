"""`toolkit predict` for models that read two texts, and for those that read one."""

import json

import pytest
from typer.testing import CliRunner

import toolkit
from toolkit.cli import app
from toolkit.data.conll import Conll
from toolkit.data.given import Given
from toolkit.encoders.pretrained import Pretrained
from toolkit.encoders.recurrent import Lstm
from toolkit.errors import ToolkitError
from toolkit.examples import Answer, Question, Tagged, Text
from toolkit.recipe.schema import Evaluate, Recipe, RunSettings, Train
from toolkit.tasks.question_answering import QuestionAnswering
from toolkit.tasks.sequence_classification import SequenceClassification
from toolkit.tasks.token_classification import TokenClassification

ADA = "Ada Lovelace lived in London."
EXAMPLES = {
    "question": [
        Question("Where did Ada live?", ADA, (Answer("London", 22),)),
        Question("Who lived in London?", ADA, (Answer("Ada Lovelace", 0),)),
    ],
    "pair": [Text("a man sleeps", "he is asleep", "yes"), Text("a man sleeps", "he runs", "no")],
    "single": [Text("fine", label="good"), Text("it broke", label="bad")],
    "words": [Tagged(("Ada", "sleeps"), ("B-PER", "O"))] * 2,
}
TASKS = {
    "question": QuestionAnswering(),
    "pair": SequenceClassification(),
    "single": SequenceClassification(),
    "words": TokenClassification(),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A finished run of each kind."""
    folder = tmp_path_factory.mktemp("runs")
    return {
        kind: toolkit.finetune(
            Recipe(
                task=TASKS[kind],
                model=Lstm(embedding=8, hidden=8, min_count=1),
                data=Given(train=examples, dev=examples),
                train=Train(epochs=1, precision="fp32"),
                evaluate=Evaluate(resamples=0),
                run=RunSettings(name=kind, folder=str(folder)),
            )
        )
        for kind, examples in EXAMPLES.items()
    }


def said(runs, kind, *arguments, stdin=None):
    """The objects that the command prints."""
    command = ["predict", str(runs[kind].folder), "--output", "jsonl", *map(str, arguments)]
    result = CliRunner().invoke(app, command, input=stdin)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def refusal(runs, kind, *arguments, stdin=None):
    """The error that the command ends with."""
    command = ["predict", str(runs[kind].folder), *map(str, arguments)]
    error = CliRunner().invoke(app, command, input=stdin).exception
    assert isinstance(error, ToolkitError)
    return str(error)


def test_a_pair_is_given_by_its_option_or_with_a_tab_between(runs, tmp_path):
    line = f"Where did Ada live?\t{ADA}"
    by_option = said(runs, "question", "--pair", "Where did Ada live?", ADA)
    assert by_option[0]["question"] == "Where did Ada live?"
    assert said(runs, "question", line) == by_option
    assert said(runs, "question", stdin=f"{line}\r\n{line}\n") == by_option * 2
    (tmp_path / "questions.txt").write_text(f"{line}\n", encoding="utf-8")
    assert said(runs, "question", "--file", tmp_path / "questions.txt") == by_option
    record = {"question": "Where did Ada live?", "context": ADA}
    (tmp_path / "questions.jsonl").write_text(json.dumps(record), encoding="utf-8")
    of_file = said(runs, "question", "--file", tmp_path / "questions.jsonl")
    assert of_file == [{"id": "1"} | by_option[0]]  # a file says which of its examples it is
    record["id"] = "q7"
    (tmp_path / "questions.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert said(runs, "question", "--file", tmp_path / "questions.jsonl")[0]["id"] == "q7"
    del record["id"]
    assert toolkit.load(runs["question"].folder).predict([tuple(record.values())])


def test_two_texts_are_classified_together(runs):
    (found,) = said(runs, "pair", "--pair", "a man sleeps", "he is asleep")
    assert (found["text"], found["pair"]) == ("a man sleeps", "he is asleep")
    assert said(runs, "pair", "a man sleeps\the is asleep") == [found]


@pytest.mark.parametrize(
    ("kind", "names", "options"),
    [
        ("question", "question<TAB>context", '--pair "question" "context"'),
        ("pair", "text<TAB>pair", '--pair "text" "pair"'),
    ],
)
def test_a_line_that_is_no_pair_is_refused_with_its_number(runs, kind, names, options):
    expected = f"expected {names} (or {options})"
    second = names.partition("<TAB>")[2]
    for line, found in {"a": "no TAB", "": "no TAB", "a\t ": f"an empty {second}"}.items():
        stdin = f"a\tb\n{line}\n"
        assert refusal(runs, kind, stdin=stdin) == f"standard input:2: {found}, {expected}"
    assert refusal(runs, kind, "a\tb\tc") == f"argument 1: 2 TABs, {expected}"


def test_a_tab_in_a_single_text_is_white_space(runs):
    assert said(runs, "single", "it\tbroke")[0]["text"] == "it\tbroke"


@pytest.mark.parametrize("kind", ["single", "words"])
def test_a_pair_for_a_model_that_reads_one_text_is_refused(runs, kind):
    assert refusal(runs, kind, "--pair", "a", "b") == (
        "--pair: this model reads a text, not two texts"
    )


@pytest.mark.parametrize("kind", ["single", "pair", "question"])
def test_words_for_a_model_that_reads_texts_are_refused(runs, kind):
    assert refusal(runs, kind, "--words", "a b").startswith("--words: this model reads a ")
    assert said(runs, "words", "--words", "U. N. says")[0]["words"] == ["U.", "N.", "says"]


def test_two_kinds_of_input_are_refused(runs):
    expected = "give texts, --pair or --file, only one of them"
    assert refusal(runs, "pair", "c", "--pair", "a", "b") == expected
    assert refusal(runs, "pair", "--pair", "a", "b", "--file", "x.txt") == expected


def test_python_refuses_texts_of_another_form_than_was_learned(runs):
    pairs, single = (toolkit.load(runs[kind].folder) for kind in ("pair", "single"))
    assert pairs.task.pairs
    assert single.task.pairs is False
    with pytest.raises(
        ToolkitError, match=r"1 of 2 examples have one text, expected two .*example 1"
    ):
        pairs.predict([("a", "b"), "a"])
    with pytest.raises(ToolkitError, match="1 of 1 examples have two texts, expected one"):
        single.predict([("a", "b")])
    with pytest.raises(ToolkitError, match="1 of 1 examples have one text, expected two"):
        pairs.evaluate([Text("a", label="yes")])


def test_the_form_is_not_asked_for_where_both_were_learned():
    mixed = [*EXAMPLES["pair"], *EXAMPLES["single"]]
    task = SequenceClassification().learn(mixed)
    assert task.pairs is None
    assert task.misfits(mixed) == []


def test_a_split_of_another_form_is_a_fault_before_training():
    task = SequenceClassification().learn(EXAMPLES["pair"])
    (fault,) = task.faults_of(EXAMPLES["single"])
    assert fault.startswith("2 of 2 examples have one text, expected two")


@pytest.fixture(scope="module")
def tagger(checkpoints, tmp_path_factory):
    """A finished run of a pretrained encoder on a labelled file."""
    folder = tmp_path_factory.mktemp("pretrained")
    data = folder / "gold.conll"
    data.write_text("EU\tB-ORG\nrejects\tO\nlamb\tO\n\n" * 6, encoding="utf-8")
    finished = toolkit.finetune(
        Recipe(
            task=TokenClassification(),
            model=Pretrained(checkpoint=checkpoints["bert"]),
            data=Conll(train=str(data), dev=str(data)),
            train=Train(epochs=1, precision="fp32"),
            evaluate=Evaluate(resamples=0),
            run=RunSettings(name="tagger", folder=str(folder)),
        )
    )
    return finished.folder


def ran(command, *arguments):
    result = CliRunner().invoke(app, [command, *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_predictions_say_in_which_arithmetic_they_were_made(tagger, precision):
    options = ("--output", "jsonl", "--precision", precision)
    (line,) = ran("predict", tagger, "EU rejects lamb", *options).splitlines()
    assert json.loads(line)["precision"] == precision


def test_a_score_says_its_arithmetic_and_the_difference_to_the_run(tagger, tmp_path):
    scores = tmp_path / "scores.json"
    out = ran("evaluate", tagger, "--data", "dev", "--precision", "int8", "--output", scores)
    result = json.loads(scores.read_text())
    before = json.loads((tagger / "results.json").read_text())["splits"]["dev"]
    assert (result["precision"], before["precision"]) == ("int8", "fp32")
    new, old = (each["scores"]["f1"]["value"] for each in (result, before))
    said = f"computed in int8: f1 differs by {new - old:+.4f} from the run's own on dev in fp32"
    assert out.splitlines()[-1] == said


def test_int8_is_refused_for_an_encoder_that_has_none(runs):
    assert refusal(runs, "words", "a b", "--precision", "int8") == (
        "--precision int8: this encoder has no layers that 8 bits are for"
    )
