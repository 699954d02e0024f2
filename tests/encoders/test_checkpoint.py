"""The files of a checkpoint, one at a time."""

import pytest

from toolkit.encoders.checkpoint import Place, file_of
from toolkit.errors import UnreachableError

PLACE = Place("someone/tiny", None, "of the Hub")


def test_a_file_of_a_folder_is_there_or_not(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    place = Place(str(tmp_path), None, "folder")
    assert file_of(place, "config.json") == tmp_path / "config.json"
    assert file_of(place, "tokenizer.json") is None


def test_a_file_that_the_hub_lacks_is_none(monkeypatch):
    from huggingface_hub.errors import LocalEntryNotFoundError

    def lacking(*_, **__):
        raise LocalEntryNotFoundError("not in the cache")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", lacking)
    assert file_of(PLACE, "tokenizer.json") is None


def test_a_hub_that_fails_is_unreachable(monkeypatch):
    def failing(*_, **__):
        raise ConnectionResetError("reset")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", failing)
    with pytest.raises(UnreachableError, match=r"tokenizer\.json of someone/tiny"):
        file_of(PLACE, "tokenizer.json")
