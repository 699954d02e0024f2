"""The files of a checkpoint, one at a time."""

from pathlib import Path

import pytest

from tests.checkpoints import make_checkpoint
from toolkit import hub
from toolkit.encoders import checkpoint as places
from toolkit.encoders.checkpoint import Place, fetched, file_of
from toolkit.encoders.loading import tokenizer_in
from toolkit.encoders.pretrained import Pretrained
from toolkit.errors import ToolkitError, UnreachableError

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


COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """A checkpoint of the Hub, as its cache has it: names that are links to blobs."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "_known", {})
    places._on_hub.cache_clear()
    repository = tmp_path / "models--someone--tiny"
    snapshot = repository / "snapshots" / COMMIT
    make_checkpoint("bert", snapshot)
    (repository / "blobs").mkdir()
    for path in snapshot.iterdir():
        path.rename(repository / "blobs" / path.name)
        path.symlink_to(f"../../blobs/{path.name}")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    yield snapshot
    places._on_hub.cache_clear()


def test_a_checkpoint_of_the_hub_is_pinned_to_its_commit(cached):
    encoder = Pretrained(checkpoint="someone/tiny").pinned()
    assert (encoder.commit, encoder.revision) == (COMMIT, None)
    assert encoder.origin().revision == COMMIT
    assert encoder.pinned() == encoder
    moved = "1" * 40
    (cached.parents[1] / "refs" / "main").write_text(moved)
    assert encoder.tokenizer().name_or_path == str(cached)
    assert encoder.pinned().commit == COMMIT
    places._on_hub.cache_clear()
    assert Pretrained(checkpoint="someone/tiny").missing()  # the branch is elsewhere now


def test_a_folder_has_no_commit(checkpoints):
    encoder = Pretrained(checkpoint=checkpoints["bert"])
    assert encoder.pinned() is encoder


def test_links_of_the_hubs_cache_are_fine_and_others_are_not(cached, tmp_path):
    place = Place("someone/tiny", None, "of the Hub")
    assert fetched(place).name == str(cached)
    (cached / "vocab.txt").symlink_to("/etc/hostname")
    with pytest.raises(ToolkitError, match="outside the folder"):
        fetched(place)


def test_what_cannot_be_fetched_is_unreachable(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UnreachableError, match="checkpoint 'someone/else' cannot be fetched"):
        fetched(Place("someone/else", COMMIT, "of the Hub"))


def test_a_tokenizer_that_is_saved_says_nothing_of_how_it_was_loaded(checkpoints, tmp_path):
    for name, offline in (("on", False), ("off", True)):
        tokenizer_in(Path(checkpoints["bert"]), local_files_only=offline).save_pretrained(
            tmp_path / name
        )
    on, off = ((tmp_path / name / "tokenizer_config.json").read_text() for name in ("on", "off"))
    assert on == off
    assert "local" not in on
