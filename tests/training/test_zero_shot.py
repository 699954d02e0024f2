"""Zero-shot transfer on real data: trained on English, scored on five other languages."""

import pytest

import toolkit
from tests.checkpoints import make_checkpoint

# sentences and gold spans of PER, LOC and ORG of each test file, counted with grep
EXPECTED = {
    "zh": (500, 763), "pt": (1167, 1215), "hr": (1136, 1403), "de": (1000, 1039),
    "ru": (1000, 1036),
}  # fmt: skip
NUM_TRAIN = 300


@pytest.fixture
def slice_of_train(data_folder, tmp_path):
    """The first sentences with an entity of the English training file."""
    path = data_folder / "uner" / "en_ewt" / "en_ewt-ud-train.early-0c7ce0de.iob2"
    sentences = path.read_text(encoding="utf-8").split("\n\n")
    chosen = [sentence for sentence in sentences if "\tB-" in sentence][:NUM_TRAIN]
    file = tmp_path / "train.iob2"
    file.write_text("\n\n".join(chosen) + "\n\n", encoding="utf-8")
    return file


@pytest.mark.real_data
def test_xlm_roberta_with_its_own_unigram_tokenizer(
    data_folder, slice_of_train, tmp_path, monkeypatch
):
    monkeypatch.setenv("TOOLKIT_DATA", str(data_folder))
    lines = slice_of_train.read_text(encoding="utf-8").splitlines()
    text = [line.partition(" = ")[2] for line in lines if line.startswith("# text = ")]
    make_checkpoint("xlm-roberta", tmp_path / "tiny", positions=512, width=16, text=text)
    recipe = toolkit.load_recipe(
        "uner-xlmr", f"model.checkpoint={tmp_path}/tiny", f"data.train={slice_of_train}",
        "train.epochs=2", "train.learning_rate=3e-3", "train.precision=fp32",
        "evaluate.resamples=20", f"run.folder={tmp_path}/runs",
    )  # fmt: skip
    results = toolkit.finetune(recipe).results
    assert results["best"]["split"] == "dev"
    assert set(results["splits"]) == {"dev", "test"}
    found = {
        name: (scored["examples"], scored["scores"]["f1"]["support"])
        for name, scored in results["sets"].items()
    }
    assert found == EXPECTED
    transfer = results["transfer"]
    assert (transfer["metric"], transfer["source"]) == ("f1", "test")
    for name, scored in results["sets"].items():
        f1 = scored["scores"]["f1"]
        assert f1["resampled"] == "document", name
        assert f1["interval"][0] <= f1["value"] <= f1["interval"][1], name
        assert transfer["sets"][name]["gap"] == 100 * (transfer["value"] - f1["value"])
        assert (tmp_path / "runs" / "uner-xlmr" / f"predictions-{name}.jsonl").is_file()
