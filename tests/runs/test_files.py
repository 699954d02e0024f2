"""Complete or absent: whatever happens while a file or folder is written."""

import os
from pathlib import Path

import pytest

from toolkit.errors import StorageError
from toolkit.runs import files


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fill_with(text: str):
    def fill(folder: Path) -> None:
        (folder / "one.txt").write_text(text)
        (folder / "inside").mkdir()
        (folder / "inside" / "two.txt").write_text(text)

    return fill


class Stopped(BaseException):
    """Stands for a kill: nothing in the package may catch it to clean up."""


def stop_at(monkeypatch, number: int) -> list[str]:
    """Let the `number`th operation on the file system and all behind it fail."""
    calls: list[str] = []

    def counted(name):
        original = getattr(os, name)

        def call(*arguments, **keys):
            calls.append(name)
            if len(calls) > number:
                raise Stopped
            return original(*arguments, **keys)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "replace", "mkdir", "rmdir", "unlink"):
        counted(name)
    return calls


@pytest.mark.parametrize("before", [None, "old"])
def test_a_folder_is_the_old_or_the_new_one_at_every_instant(tmp_path, before, monkeypatch):
    number, finished = 0, False
    while not finished:
        folder = tmp_path / str(number)
        folder.mkdir()
        target = folder / "model"
        if before:
            files.commit_folder(target, fill_with(before))
        old = tree(target) if before else None
        with monkeypatch.context() as patch:
            stop_at(patch, number)
            try:
                files.commit_folder(target, fill_with("new"))
                finished = True
            except Stopped:
                pass
        if target.exists():
            assert files.fault_of(target) is None
            assert tree(target) == old or (target / "one.txt").read_text() == "new"
        files.sweep(folder)
        assert {path.name for path in folder.iterdir()} <= {"model"}
        files.commit_folder(target, fill_with("new"))  # the next try succeeds
        assert files.fault_of(target) is None
        number += 1
    assert number > 10


def test_a_file_is_the_old_or_the_new_one_at_every_instant(tmp_path, monkeypatch):
    path = tmp_path / "results.json"
    for number in range(4):
        files.write_file(path, b"old")
        with monkeypatch.context() as patch:
            stop_at(patch, number)
            try:
                files.write_file(path, b"new")
            except Stopped:
                assert path.read_bytes() in (b"old", b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (lambda f: (f / "one.txt").unlink(), "one.txt is missing"),
        (lambda f: (f / "one.txt").write_text("n"), "one.txt has 1 bytes instead of 3"),
        (lambda f: (f / "one.txt").write_text("NEW"), "one.txt has other contents than"),
        (lambda f: (f / "contents.json").unlink(), "no readable contents.json (FileNot"),
        (lambda f: (f / "contents.json").write_text("{"), "no readable contents.json (JSONDecode"),
    ],
)
def test_what_was_changed_behind_our_back_is_found(tmp_path, harm, fault):
    files.commit_folder(tmp_path / "model", fill_with("new"))
    assert files.fault_of(tmp_path / "model") is None
    harm(tmp_path / "model")
    assert (files.fault_of(tmp_path / "model") or "").startswith(fault)


def test_a_disk_that_refuses_is_one_line(tmp_path):
    with pytest.raises(StorageError, match=r"nowhere/x: could not be written \(No such file"):
        files.write_file(tmp_path / "nowhere" / "x", b"")
