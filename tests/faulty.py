"""A user's own task in which something happens at a chosen instant, and how tests run it.

As a module by itself (`faulty:Faulty`, with `--allow-code faulty`) it is what a recipe names. What
happens is read from a file beside the data, once; a run without the file is undisturbed.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import torch

from toolkit.tasks.token_classification import TokenClassification


class Faulty(TokenClassification):
    folder: str = ""  # of the faults

    def learn(self, examples):
        self.strike("learn")
        return super().learn(examples)

    def windows(self, example, tokenizer, max_length, overlap):
        self.strike("windows")
        return super().windows(example, tokenizer, max_length, overlap)

    def head(self, width):
        head = super().head(width)
        head.register_forward_hook(self.stepped)
        return head

    def stepped(self, head, inputs, output):
        # once a step: what processes compute for one another is a single example
        if torch.is_grad_enabled() and len(output.scores) > 1:
            self.strike("step")

    def decode(self, example, windows, scores):
        self.strike("predict")
        return super().decode(example, windows, scores)

    def score(self, examples, predictions):
        self.strike("score")
        return super().score(examples, predictions)

    def strike(self, at):
        """Do what the fault of this process says, the n-th time that it comes to this place."""
        rank = os.environ.get("RANK", "0")
        path = Path(self.folder, f"fault-{rank}.json")
        if not path.exists():
            return
        fault = json.loads(path.read_text(encoding="utf-8"))
        if fault["at"] != at:
            return
        fault["number"] -= 1
        path.write_text(json.dumps(fault), encoding="utf-8")
        if not fault["number"]:
            path.rename(path.with_name("struck"))  # when it happened
            path.with_name("struck").touch()
            happen(fault["how"])


def happen(how):
    if how == "raise":
        raise ValueError("this went wrong")
    if how == "hang":
        time.sleep(600)
    if how == "exit":
        sys.exit(0)
    if how == "vanish":
        os._exit(0)
    if how.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[how])


def write_faulty_recipe(folder):
    """Write the recipe small.yaml of this task, its data and its module into a folder."""
    from tests.recipes import write_recipe

    recipe = Path(write_recipe(folder, "{type: lstm, embedding: 16, hidden: 16, dropout: 0.2}"))
    text = recipe.read_text(encoding="utf-8")
    text = text.replace("token-classification", f"'faulty:Faulty', folder: {folder}")
    text = text.replace("resamples: 50", "resamples: 50, batch_size: 4")
    recipe.write_text(text, encoding="utf-8")
    shutil.copy(__file__, folder)


def plant(folder, how, at, number, rank=0):
    """Let something happen in a process, the n-th time that it comes to a place."""
    fault = {"how": how, "at": at, "number": number}
    (folder / f"fault-{rank}.json").write_text(json.dumps(fault), encoding="utf-8")
