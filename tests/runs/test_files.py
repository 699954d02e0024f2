"""Complete or absent: whatever happens while a file or folder is written."""

import contextlib
import errno
import json
import os
from pathlib import Path

import pytest

from tests.forked import finished, forked
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


def test_two_processes_that_write_a_file_at_once_do_not_stumble_over_each_other(
    tmp_path, monkeypatch
):
    path, sync = tmp_path / "memory.json", os.fsync

    def meanwhile(descriptor):
        monkeypatch.setattr(os, "fsync", sync)
        child = forked(lambda: files.write_json(path, {"7": 2}, apart=True))
        assert finished(child) == 0
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    files.write_json(path, {"7": 1}, apart=True)
    assert json.loads(path.read_text()) == {"7": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["memory.json"]


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


def test_a_kill_between_the_two_renames_of_a_replacement_loses_nothing(tmp_path):
    target = tmp_path / "model"
    files.commit_folder(target, fill_with("old"))
    before = tree(target)
    os.replace(target, tmp_path / f"{files.OLDER}model")  # as a kill there leaves it
    files.sweep(tmp_path)
    assert tree(target) == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_replacement_put_aside_goes_where_the_new_one_is_there(tmp_path):
    files.commit_folder(tmp_path / "model", fill_with("new"))
    files.commit_folder(tmp_path / f"{files.OLDER}model", fill_with("old"))
    files.sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "one.txt").read_text() == "new"


def refuse(monkeypatch, name: str, number: int, times: int = 10**6) -> None:
    """Let an operation fail from its `number`th call on, `times` times."""
    original, calls = getattr(os, name), []

    def call(*arguments, **keys):
        calls.append(name)
        if number <= len(calls) - 1 < number + times:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*arguments, **keys)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("name", ["fsync", "replace", "mkdir"])
def test_a_folder_that_the_disk_refuses_leaves_the_old_one_and_nothing_else(
    tmp_path, monkeypatch, name
):
    target = tmp_path / "model"
    files.commit_folder(target, fill_with("old"))
    before = tree(target)
    for number in range(3):
        with monkeypatch.context() as patch:
            refuse(patch, name, number, times=1)
            with contextlib.suppress(StorageError):
                files.commit_folder(target, fill_with("new"))
        if target.exists() and tree(target) != before:
            break
        assert [path.name for path in tmp_path.iterdir()] == ["model"], number
    assert files.fault_of(target) is None


def test_a_file_that_the_disk_refuses_leaves_no_part_of_it(tmp_path, monkeypatch):
    refuse(monkeypatch, "fsync", 0)
    with pytest.raises(StorageError, match=r"No space left on device.*: free some space"):
        files.write_file(tmp_path / "x", b"data")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_synced_is_no_fault_and_one_that_fails_is(tmp_path, monkeypatch):
    def fail(number):
        def fsync(_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "fsync", fsync)

    fail(errno.EINVAL)
    files.sync_folder(tmp_path)
    fail(errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        files.sync_folder(tmp_path)


def test_errors_of_tokenizers_and_safetensors_are_the_disks_and_others_are_not(tmp_path):
    for said in (Exception("No space left on device (os error 28)"), OSError(28, "No space left")):
        with pytest.raises(StorageError, match="No space left"), files.storage_errors(tmp_path):
            raise said
    with pytest.raises(ZeroDivisionError), files.storage_errors(tmp_path):
        raise ZeroDivisionError


def test_contents_that_say_something_else_are_a_fault(tmp_path):
    files.commit_folder(tmp_path / "model", fill_with("new"))
    for text in ("[]", "null", '{"one.txt": 3}', '{"one.txt": {"bytes": 3}}'):
        (tmp_path / "model" / files.CONTENTS).write_text(text)
        assert (files.fault_of(tmp_path / "model") or "").startswith("no readable contents.json")
