"""A checkpoint fetched from a Hub on this machine: what is asked for, and what is pinned."""

import http.server
import json
import threading
from pathlib import Path

import pytest

import toolkit
from tests.checkpoints import make_checkpoint
from tests.recipes import write_recipe
from toolkit import hub
from toolkit.encoders import checkpoint as places
from toolkit.encoders.pretrained import Pretrained
from toolkit.errors import ToolkitError

FIRST, SECOND = "a" * 40, "b" * 40


class FakeHub(http.server.BaseHTTPRequestHandler):
    """One checkpoint with two commits; `main` is the server's to move."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        self.server.asked.append(self.path)
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            commit = parts[5] if len(parts) > 5 else self.server.main
            commit = self.server.main if commit == "main" else commit
            sizes = {path.name: path.stat().st_size for path in self.server.folder.iterdir()}
            files = [
                {"type": "file", "path": name, "size": size, "oid": name}
                for name, size in {**sizes, "onnx/model.safetensors": 9}.items()
            ]
            siblings = [{"rfilename": file["path"]} for file in files]
            about = {"id": "me/tiny", "sha": commit, "siblings": siblings}
            self.send(json.dumps(files if "tree" in parts else about).encode())
        else:
            path = self.server.folder / parts[-1]
            if path.is_file():
                self.send(path.read_bytes() if with_body else b"", path, parts[3])
            else:
                self.send_error(404)

    def send(self, body, path=None, commit=None):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        size = len(body)
        if path is not None:
            size = path.stat().st_size
            self.send_header("ETag", f'"{path.name}"')
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    folder = tmp_path / "repository"
    make_checkpoint("bert", folder)
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02cos\nsystem\n")
    (folder / "training_args.bin").write_bytes(b"\x80\x02cos\nsystem\n")
    (folder / "modeling_evil.py").write_text("raise SystemExit\n")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeHub) as fake:
        fake.asked, fake.folder, fake.main = [], folder, FIRST
        threading.Thread(target=lambda: fake.serve_forever(0.02), daemon=True).start()
        endpoint = f"http://127.0.0.1:{fake.server_port}"
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.setenv("HF_ENDPOINT", endpoint)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        constants = "huggingface_hub.constants."
        monkeypatch.setattr(f"{constants}HF_HUB_OFFLINE", False)
        monkeypatch.setattr(f"{constants}ENDPOINT", endpoint)
        monkeypatch.setattr(f"{constants}HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", endpoint)
        template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(f"{constants}HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub, "_silent", {})
        monkeypatch.setattr(hub, "_known", {})
        places._on_hub.cache_clear()
        yield fake
        places._on_hub.cache_clear()
        fake.shutdown()


def test_a_checkpoint_stays_at_its_commit_and_brings_nothing_that_could_hold_code(server):
    encoder = Pretrained(checkpoint="me/tiny", revision="main").pinned()
    assert encoder.commit == FIRST
    server.main = SECOND
    folder = Path(encoder.tokenizer().name_or_path)
    assert folder.name == FIRST
    assert {path.name for path in folder.iterdir()} == {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert not [path for path in server.asked if ".bin" in path or ".py" in path or "onnx" in path]
    assert not [path for path in server.asked if SECOND in path]
    asked = len(server.asked)
    encoder.module(encoder.tokenizer())
    assert not [path for path in server.asked[asked:] if "/main/" in path]


def test_a_hostile_checkpoint_of_the_hub_is_refused_like_a_folder(server):
    config = json.loads((server.folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_evil.Model"}
    (server.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ToolkitError, match="auto_map names code that would come with it"):
        Pretrained(checkpoint="me/tiny").tokenizer()


def test_a_run_goes_on_with_the_commit_that_it_began_with(server, tmp_path):
    recipe = write_recipe(tmp_path, "{type: pretrained, checkpoint: me/tiny, revision: main}")
    first = toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=1"))
    assert f"commit: {FIRST}" in (first.folder / "recipe.yaml").read_text()
    manifest = json.loads((first.folder / "manifest.json").read_text())
    assert manifest["checkpoint"]["revision"] == FIRST
    (first.folder / "results.json").unlink()
    server.main = SECOND
    hub._known.clear()
    places._on_hub.cache_clear()
    again = toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=1"))
    assert again.results == first.results
    assert f"commit: {FIRST}" in (first.folder / "recipe.yaml").read_text()
    other = toolkit.finetune(toolkit.load_recipe(recipe, "train.epochs=1", "run.name=other"))
    assert f"commit: {SECOND}" in (other.folder / "recipe.yaml").read_text()
