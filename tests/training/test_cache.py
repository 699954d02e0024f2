"""What can be made again is kept, shared, bounded, and found out where it was damaged."""

import hashlib
import os
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import StorageError, ToolkitError
from toolkit.training import cache as cache_module
from toolkit.training.cache import LIMIT, Cache, cache_folder, hash_of_file, key_of


@pytest.fixture
def said():
    return []


@pytest.fixture
def cache(tmp_path, said):
    return Cache(tmp_path / "cache", said.append)


def filler(text, calls):
    def fill(folder):
        calls.append(text)
        (folder / "text").write_text(text)

    return fill


def test_an_entry_is_made_once(cache, said):
    calls = []
    first = cache.entry("a", filler("one", calls))
    assert cache.entry("a", filler("two", calls)) == first == cache.find("a")
    assert (first / "text").read_text() == "one"
    assert calls == ["one"]
    assert said == []


def test_what_is_not_there_is_not_found(cache):
    assert cache.find("a") is None


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "no contents"])
def test_a_damaged_entry_is_made_again_and_said(cache, said, damage):
    text = cache.entry("a", filler("one", [])) / "text"
    if damage == "cut":
        text.write_text("on")
    elif damage == "changed":
        text.write_text("onE")
    else:
        (text if damage == "missing" else text.parent / "contents.json").unlink()
    assert (cache.entry("a", filler("two", [])) / "text").read_text() == "two"
    assert len(said) == 1
    assert "is damaged" in said[0]


def test_an_entry_that_fails_leaves_nothing(cache):
    def fill(folder):
        (folder / "text").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry("a", fill)
    assert cache.find("a") is None
    assert [path for path in cache.folder.iterdir() if path.is_dir()] == []


def test_others_wait_until_an_entry_is_made(cache):
    calls, is_filling, may_finish = [], threading.Event(), threading.Event()

    def slow(folder):
        is_filling.set()
        may_finish.wait()
        filler("one", calls)(folder)

    first = threading.Thread(target=cache.entry, args=("a", slow))
    first.start()
    is_filling.wait()
    second = threading.Thread(target=cache.entry, args=("a", filler("two", calls)))
    second.start()
    may_finish.set()
    first.join()
    second.join()
    assert calls == ["one"]


def test_the_least_recently_used_are_removed_beyond_the_limit(cache, monkeypatch):
    for age, name in enumerate(["new", "old", "oldest"]):
        place = cache.entry(name, filler(name * 100, []))
        os.utime(place, (1000 - age, 1000 - age))
    size = sum(path.stat().st_size for path in (cache.folder / "new").iterdir())
    monkeypatch.setenv(LIMIT, str(2.5 * size / 1e9))
    cache.entry("newest", filler("newest" * 50, []))
    left = sorted(path.name for path in cache.folder.iterdir() if path.is_dir())
    assert left == ["new", "newest"]


def test_a_limit_that_is_no_number_is_said_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv(LIMIT, "20GB")
    with pytest.raises(ToolkitError, match="TOOLKIT_CACHE_GB: found '20GB', expected a number"):
        Cache(tmp_path, print)


def test_what_a_kill_left_behind_is_removed(cache):
    (cache.folder / ".tmp-b").mkdir(parents=True)
    cache.entry("a", filler("one", []))
    assert not (cache.folder / ".tmp-b").exists()


def test_a_folder_that_cannot_be_used_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((OSError, StorageError)):
        Cache(tmp_path / "file" / "cache", print).entry("a", filler("one", []))


def test_the_folder_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("TOOLKIT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "toolkit"


def test_keys_differ_in_every_part():
    keys = {key_of(*parts) for parts in [("a", "b"), ("b", "a"), ("ab",), ("a", "b", ""), ()]}
    assert len(keys) == 5


@given(st.binary(max_size=40), st.data())
def test_a_file_hashed_in_pieces_is_known_by_every_byte(content, data):
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(cache_module, "_PIECE", 8)
        patch.setattr(cache_module, "_BLOCK", 4)
        path = Path(folder) / "file"
        path.write_bytes(content)
        first = hash_of_file(path)
        assert hash_of_file(path) == first
        pieces = [content[start : start + 8] for start in range(0, len(content), 8)]
        expected = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
        assert first == hashlib.sha256(expected).hexdigest()
        if content:
            place = data.draw(st.integers(0, len(content) - 1))
            changed = bytearray(content)
            changed[place] ^= 1
            path.write_bytes(changed)
            assert hash_of_file(path) != first
