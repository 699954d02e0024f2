"""Whether the Hub can be reached, asked of servers on this machine."""

import http.server
import json
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from toolkit import hub
from toolkit.errors import WAYS_OUT, ToolkitError, UnreachableError


@pytest.fixture(autouse=True)
def _own_caches(monkeypatch, tmp_path):
    for name in (
        "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE",
        "HF_DATASETS_CACHE", "HF_MODULES_CACHE", "HF_TOKEN", "HF_TOKEN_PATH", "http_proxy",
        "HTTP_PROXY",
    ):  # fmt: skip
        monkeypatch.setenv(name, "")  # so that it is put back, whoever sets it
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(hub, "_silent", {})
    monkeypatch.setattr(hub, "_known", {})


COMMIT = "c0ffee" + "0" * 34


class FakeHub(http.server.BaseHTTPRequestHandler):
    """Knows me/model and me/data, the latter for those with a token only."""

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        private = self.path == "/api/datasets/me/data"
        known = self.path in ("/api/models/me/model", "/api/models/me/model/revision/v%2F1")
        if self.path == "/api/models/me/old":
            self.send_response(307)
            self.send_header("Location", "/api/models/me/model")
        elif self.path.startswith("/api/models/me/broken"):
            self.send_response(503)
        elif self.path.startswith("/api/models/me/portal"):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
        else:
            allowed = known or (private and self.headers.get("Authorization") == "Bearer secret")
            self.send_response(200 if allowed else 401)
            self.send_header("Content-Type", "application/json")
        self.end_headers()
        if known:
            self.wfile.write(json.dumps({"id": "me/model", "sha": COMMIT}).encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeHub) as fake:
        fake.asked = []
        threading.Thread(target=lambda: fake.serve_forever(0.02), daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{fake.server_port}/")
        yield fake
        fake.shutdown()


@pytest.fixture
def silent_host(monkeypatch):
    """A host that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield address


@pytest.fixture
def no_host(monkeypatch):
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    return address


def cache_model(home, name, commit="c0ffee", files=("config.json", "model.safetensors")):
    folder = Path(home) / "hub" / f"models--{name.replace('/', '--')}"
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for file in files:
        (snapshot / file).write_bytes(b"")
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(commit, encoding="utf-8")


def refusal(kind, name, revision=None):
    with pytest.raises(ToolkitError) as caught:
        hub.find(kind, name, revision)
    (line,) = caught.value.lines()
    return type(caught.value), line


def test_what_the_hub_knows_is_online(server):
    assert hub.find("model", "me/model") == "online"
    assert hub.find("model", "me/model", "v/1") == "online"
    assert hub.find("model", "me/old") == "online"
    assert server.asked[0] == ("/api/models/me/model", None)


def test_what_the_hub_does_not_know_is_the_users_fault(server):
    address = os.environ["HF_ENDPOINT"].rstrip("/")
    assert refusal("model", "me/modle") == (
        ToolkitError,
        f"checkpoint 'me/modle': no such checkpoint on {address}, or it is private: set HF_TOKEN",
    )
    assert refusal("model", "me/model", "v2")[1].startswith(
        "checkpoint 'me/model' at revision 'v2': no such checkpoint"
    )


def test_a_private_data_set_is_found_with_a_token(server, monkeypatch, tmp_path):
    assert refusal("dataset", "me/data")[0] is ToolkitError
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert hub.find("dataset", "me/data") == "online"
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text("secret\n", encoding="utf-8")
    assert hub.find("dataset", "me/data") == "online"


def test_a_hub_that_is_broken_is_unreachable(server):
    kind, line = refusal("model", "me/broken")
    assert kind is UnreachableError
    assert "cannot be reached (HTTP 503)" in line


def test_a_web_page_in_place_of_the_hub_is_no_answer(server):
    assert "(a web page answers in its place)" in refusal("model", "me/portal")[1]


def test_a_host_that_never_answers_is_given_up_in_time_and_not_asked_again(
    silent_host, monkeypatch
):
    assert hub.TIME_LIMIT <= 5
    monkeypatch.setattr(hub, "TIME_LIMIT", 0.3)
    start = time.perf_counter()
    assert refusal("model", "bert-base-cased") == (
        UnreachableError,
        "checkpoint 'bert-base-cased' is neither here nor in the Hub cache, "
        f"and {silent_host} cannot be reached (no answer in 0.3 s): {WAYS_OUT}",
    )
    assert 0.3 <= time.perf_counter() - start < 1.3
    monkeypatch.setattr(hub, "TIME_LIMIT", 60)
    assert refusal("dataset", "conll2003")[0] is UnreachableError
    assert time.perf_counter() - start < 1.6


def test_looking_a_name_up_counts_towards_the_limit(monkeypatch):
    def resolve(*_, **__):
        time.sleep(1.5)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(hub, "TIME_LIMIT", 0.3)
    monkeypatch.setenv("HF_ENDPOINT", "http://slow-to-resolve.invalid")
    start = time.perf_counter()
    assert refusal("model", "me/model")[0] is UnreachableError
    assert time.perf_counter() - start < 1.2


def test_a_name_that_does_not_resolve_is_unreachable(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("HF_ENDPOINT", "http://does-not-resolve.invalid")
    assert "(Name or service not known)" in refusal("model", "me/model")[1].replace(
        "[Errno -2] ", ""
    )


def test_an_endpoint_that_is_no_address_is_unreachable(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "mirror")
    assert refusal("model", "me/model")[0] is UnreachableError


def test_what_is_cached_is_used_offline_and_the_libraries_are_told(no_host, tmp_path, monkeypatch):
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    cache_model(tmp_path / "home", "me/model")
    assert hub.find("model", "me/model") == "cached"
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    assert huggingface_hub.is_offline_mode()
    assert datasets.config.HF_HUB_OFFLINE
    assert "refused" in refusal("model", "me/other")[1]  # and not what we have set since


def test_a_user_who_set_offline_is_not_contradicted(server, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "(HF_HUB_OFFLINE is set)" in refusal("model", "me/model")[1]
    cache_model(tmp_path / "home", "me/model")
    assert hub.find("model", "me/model") == "cached"
    assert "HF_DATASETS_OFFLINE" not in os.environ
    assert server.asked == []


def test_half_a_download_is_not_cached(tmp_path):
    cache_model(tmp_path / "home", "me/half", files=("config.json",))
    assert not hub.is_cached("model", "me/half")


def test_another_revision_is_not_cached(tmp_path):
    cache_model(tmp_path / "home", "me/model", commit="c0ffee")
    assert hub.is_cached("model", "me/model")
    assert hub.is_cached("model", "me/model", "c0ffee")
    assert not hub.is_cached("model", "me/model", "v2")


def test_a_prepared_data_set_is_cached_unless_another_revision_could_be_taken(tmp_path):
    prepared = tmp_path / "home" / "datasets" / "me___co_nll_2003_set" / "default" / "0.0.0"
    (prepared / "c0ffee").mkdir(parents=True)
    assert hub.is_cached("dataset", "me/CoNLL_2003Set")
    assert hub.is_cached("dataset", "me/CoNLL_2003Set", "c0ffee")
    (prepared / "decade").mkdir()
    assert not hub.is_cached("dataset", "me/CoNLL_2003Set", "c0ffee")


def test_a_path_is_no_name_of_the_hub():
    assert refusal("model", "runs/x/model")[1] == (
        "checkpoint 'runs/x/model': no such folder, and no name of the Hub"
    )


def test_a_metric_is_a_space_of_the_hub(server, monkeypatch, tmp_path):
    with pytest.raises(ToolkitError, match="no such metric on"):
        hub.find("space", "evaluate-metric/nonsense")
    assert server.asked[-1][0] == "/api/spaces/evaluate-metric/nonsense"


def test_a_metric_that_was_fetched_once_is_cached_with_its_newest_code(no_host, tmp_path):
    with pytest.raises(UnreachableError, match="metric 'me/exact' is neither here"):
        hub.find("space", "me/exact")
    folder = tmp_path / "home" / "modules" / "evaluate_modules" / "metrics" / "me--exact"
    for age, code in enumerate("ab"):
        file = folder / (code * 64) / "exact.py"
        file.parent.mkdir(parents=True)
        file.write_text("")
        os.utime(file, (100 - age, 100 - age))
    assert hub.find("space", "me/exact") == "cached"
    assert hub.cached_metric("me/exact") == folder / ("a" * 64) / "exact.py"


def test_what_is_there_is_asked_for_once(server):
    for _ in range(3):
        assert hub.find("model", "me/model") == "online"
    assert len(server.asked) == 1


def test_a_revision_is_resolved_to_the_commit_that_the_hub_says(server):
    assert hub.commit("model", "me/model") == COMMIT
    assert hub.commit("model", "me/model", "v/1") == COMMIT
    assert len(server.asked) == 2


def test_a_commit_is_itself_and_nobody_is_asked(server):
    other = "1" * 40
    assert hub.commit("model", "me/model", other) == other
    assert server.asked == []


def test_offline_the_commit_is_that_of_the_cache(no_host, tmp_path):
    cache_model(tmp_path / "home", "me/model", commit=COMMIT)
    assert hub.commit("model", "me/model") == COMMIT
    assert hub.commit("model", "me/other") is None


@pytest.mark.parametrize(
    "said", [b"", b"[]", b"{}", b'{"sha": 3}', b'{"sha": "main"}', b"[" * 9999]
)
def test_a_mirror_that_says_no_commit_pins_nothing(said):
    assert hub._commit_in(said) is None
