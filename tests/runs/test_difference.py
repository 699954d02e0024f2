"""The first input in which two runs differ."""

import copy

import pytest

from toolkit.runs.difference import first_difference

MANIFEST = {
    "recipe": "train:\n  seed: 1\nrun:\n  name: a\n  folder: runs\n",
    "data": {"train": {"examples": 3, "sha256": "ab"}},
    "sets": {},
    "checkpoint": {"name": "bert", "revision": None, "weights": {"model.safetensors": "cd"}},
    "code": "ef",
    "own_code": {},
    "versions": {"torch": "2.13.0"},
    "processes": 1,
    "hardware": {"machine": "x86_64", "gpus": []},
    "command": ["toolkit"],
}


def changed(*path, value):
    manifest = copy.deepcopy(MANIFEST)
    inner = manifest
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return manifest


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("recipe",), "train:\n  seed: 2\n", "recipe: train.seed: 1 and 2"),
        (("data", "train", "sha256"), "xx", "data: train.sha256: 'ab' and 'xx'"),
        (("checkpoint", "revision"), "12", "model: revision: nothing and '12'"),
        (("checkpoint",), None, "model: "),
        (("code",), "xx", "code of the toolkit: 'ef' and 'xx'"),
        (("own_code", "my_tasks"), "xx", "code that the recipe names: my_tasks: nothing and 'xx'"),
        (("versions", "torch"), "2.14.0", "library: torch: '2.13.0' and '2.14.0'"),
        (("processes",), 2, "processes: 1 and 2"),
        (("hardware", "gpus"), ["H100"], "hardware: gpus: [] and "),
    ],
)
def test_an_input_that_differs_is_named(path, value, said):
    other = changed(*path, value=value)
    assert (first_difference(MANIFEST, other) or "").startswith(said)
    assert first_difference(other, MANIFEST) is not None


def test_what_says_nothing_about_a_run_is_no_difference():
    other = changed("recipe", value=MANIFEST["recipe"].replace("name: a", "name: b"))
    assert first_difference(MANIFEST, {**other, "command": ["other"]}) is None


def test_data_explain_more_than_hardware():
    other = {**changed("data", "train", "examples", value=4), "hardware": {}}
    assert first_difference(MANIFEST, other) == "data: train.examples: 3 and 4"
