"""A Hub cache that belongs to somebody else, on a file system that nobody may write to."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.recipes import pretrained, write_recipe

ROOT = Path(__file__).parents[2]
CHILD = """
import errno, os, sys
from pathlib import Path
import toolkit
from torture.filesystem import FileSystem, watched

def refuse(operation):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS), operation.path)

with watched(FileSystem(Path(os.environ["HF_HOME"]), refuse)):
    toolkit.finetune(toolkit.load_recipe(sys.argv[1]))
"""


def test_a_checkpoint_in_a_hub_cache_that_is_read_only_serves(tmp_path, checkpoints):
    name = tmp_path / "home" / "hub" / "models--some--bert"
    snapshot = name / "snapshots" / "0123456789012345678901234567890123456789"
    shutil.copytree(checkpoints["bert"], snapshot)
    (name / "refs").mkdir()
    (name / "refs" / "main").write_text(snapshot.name)
    before = sorted(name.parent.rglob("*"))
    recipe = write_recipe(tmp_path, pretrained("some/bert"), num_train=8, num_dev=4)
    variables = {
        **os.environ,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", CHILD, recipe],
        cwd=ROOT, env=variables, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "small" / "results.json").is_file()
    assert sorted(name.parent.rglob("*")) == before
