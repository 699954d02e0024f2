"""Whether a checkpoint, data set or metric of the Hub can be had: one question, no long wait.

The Hub libraries retry a name that does not resolve for 23 s, and wait for minutes on a host that
accepts and says nothing. So one request of our own decides, within `TIME_LIMIT` seconds in all,
and a host that did not answer is not asked again by this process. Where the Hub cannot be reached
and the name is in the cache, the libraries are put offline: `HF_HUB_OFFLINE` and
`HF_DATASETS_OFFLINE` become 1 in the environment, unless the user has set `HF_HUB_OFFLINE`.

Knows how the caches are laid out, so that looking there imports nothing.
"""

import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from toolkit.errors import ToolkitError, UnreachableError

Kind = Literal["model", "dataset", "space"]

TIME_LIMIT = 5.0  # seconds for one look-up, the name of the host included
_NOUN = {"model": "checkpoint", "dataset": "data set", "space": "metric"}
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")
_COMMIT = re.compile("[0-9a-f]{40}")
_MOST_BYTES = 1 << 24  # of what the Hub says of a name
_TRUE = ("1", "ON", "YES", "TRUE")

_silent: dict[str, str] = {}  # endpoint that did not answer -> why
_known: dict[tuple[str, str | None], "_Answer"] = {}  # address and token -> that it is there


class _Answer(NamedTuple):
    status: int  # of HTTP; 0 where none came
    why: str = ""  # none came
    commit: str | None = None  # that the revision stands for now


def find(kind: Kind, name: str, revision: str | None = None) -> Literal["online", "cached"]:
    """Where the Hub's `name` can be had now; "cached" has put the Hub libraries offline.

    UnreachableError where it is neither cached nor to be fetched; ToolkitError where the Hub says
    that there is no such thing, or not for this user.
    """
    noun = _NOUN[kind]
    if not _NAME.fullmatch(name):
        raise ToolkitError(f"{noun} {name!r}: no such folder, and no name of the Hub")
    answer = _ask(kind, name, revision)
    if 200 <= answer.status < 400:
        return "online"
    if is_cached(kind, name, revision):
        _go_offline()
        return "cached"
    at = f" at revision {revision!r}" if revision else ""
    if answer.status:
        raise ToolkitError(
            f"{noun} {name!r}{at}: no such {noun} on {_endpoint()}, or it is private: set HF_TOKEN"
        )
    raise UnreachableError(
        f"{noun} {name!r}{at} is neither here nor in the Hub cache, "
        f"and {_endpoint()} cannot be reached ({answer.why})"
    )


def commit(kind: Kind, name: str, revision: str | None = None) -> str | None:
    """The commit that a revision of what `find` found stands for; None where nobody says so."""
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    answer = _ask(kind, name, revision)
    if answer.status:
        return answer.commit
    reference = _cache_of(kind, name) / "refs" / (revision or "main")
    known = reference.read_text("utf-8").strip() if reference.is_file() else ""
    return known if _COMMIT.fullmatch(known) else None


def cached_metric(name: str) -> Path | None:
    """The newest code of a metric (`owner/name`) that `evaluate` has fetched; None without one."""
    modules = _folder("HF_MODULES_CACHE", _home() / "modules")
    folder = modules / "evaluate_modules" / "metrics" / name.replace("/", "--")
    files = folder.glob(f"{'[0-9a-f]' * 64}/{name.rpartition('/')[2]}.py")
    return max(files, key=lambda file: file.stat().st_mtime, default=None)


def is_cached(kind: Kind, name: str, revision: str | None = None) -> bool:
    """Whether the Hub libraries can load it, at this revision, with no network."""
    if kind == "space":
        return cached_metric(name) is not None
    folder = _cache_of(kind, name)
    reference = folder / "refs" / (revision or "main")
    commit = reference.read_text("utf-8").strip() if reference.is_file() else revision
    if kind == "dataset":
        return _is_prepared(name, commit if revision else None)
    files = [path.name for path in (folder / "snapshots" / (commit or "none")).glob("*")]
    return "config.json" in files and any(file.endswith((".safetensors", ".bin")) for file in files)


def _is_prepared(name: str, commit: str | None) -> bool:
    """Whether `datasets` has prepared the data set, and at no other commit where one is given.

    Offline, `datasets` takes the newest that it has prepared, whatever the revision.
    """
    owner, _, own = name.rpartition("/")
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", own)  # its names of folders: snake case
    snake = re.sub(r"([a-z\d])([A-Z])", r"\1_\2", words).lower()
    cache = _folder("HF_DATASETS_CACHE", _home() / "datasets")
    prepared = cache / (f"{owner}___{snake}" if owner else snake)
    commits = {path.name for path in prepared.glob("*/*/*") if path.is_dir()}
    return bool(commits) and (commit is None or commits == {commit})


def _ask(kind: Kind, name: str, revision: str | None) -> _Answer:
    """Ask the Hub for a name. What counts is that it answers, in time."""
    if _endpoint() in _silent:
        return _Answer(0, _silent[_endpoint()])
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        return _Answer(0, "HF_HUB_OFFLINE is set")
    url = f"{_endpoint()}/api/{kind}s/{name}"
    if revision:
        url += f"/revision/{quote(revision, safe='')}"
    if (url, _token()) in _known:  # evaluation sets are often parts of one data set
        return _known[url, _token()]
    answers: list[_Answer] = []
    thread = threading.Thread(target=lambda: answers.append(_request(url)), daemon=True)
    thread.start()  # left behind when it is late: a name look-up takes no time limit
    thread.join(TIME_LIMIT)
    answer = answers[0] if answers else _Answer(0, f"no answer in {TIME_LIMIT:g} s")
    if not answer.status:
        _silent[_endpoint()] = answer.why
    if 200 <= answer.status < 300:
        _known[url, _token()] = answer
    return answer


def _request(url: str) -> _Answer:
    import urllib.error  # here: most starts ask nobody
    import urllib.request
    from http.client import HTTPException

    try:
        request = urllib.request.Request(url, headers={"User-Agent": "toolkit"})
        if token := _token():
            request.add_unredirected_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=TIME_LIMIT + 1) as response:
            if response.headers.get_content_type() == "text/html":
                return _Answer(0, "a web page answers in its place")  # a log-in page of a network
            return _Answer(response.status, commit=_commit_in(response.read(_MOST_BYTES)))
    except urllib.error.HTTPError as error:
        if error.code in (401, 403, 404):
            return _Answer(error.code)
        return _Answer(0, f"HTTP {error.code}") if error.code >= 500 else _Answer(200)
    except urllib.error.URLError as error:
        return _Answer(0, str(error.reason))
    except (OSError, HTTPException, ValueError) as error:  # ValueError: no address at all
        return _Answer(0, str(error) or type(error).__name__)


def _commit_in(content: bytes) -> str | None:
    try:
        found = json.loads(content).get("sha")
    except (ValueError, AttributeError, RecursionError):  # a mirror that says less than the Hub
        return None
    return found if isinstance(found, str) and _COMMIT.fullmatch(found) else None


def _go_offline() -> None:
    """Put the Hub libraries offline, those that are loaded already as well."""
    if "HF_HUB_OFFLINE" in os.environ:
        return
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
    for module in (
        "huggingface_hub.constants",
        "datasets.config",
    ):  # they read the environment once
        if module in sys.modules:
            vars(sys.modules[module])["HF_HUB_OFFLINE"] = True


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _token() -> str | None:
    """The user's token, from where the Hub libraries look for it."""
    if token := os.environ.get("HF_TOKEN"):
        return token
    path = _folder("HF_TOKEN_PATH", _home() / "token")
    return path.read_text("utf-8").strip() or None if path.is_file() else None


def _cache_of(kind: Kind, name: str) -> Path:
    return _hub_cache() / f"{kind}s--{name.replace('/', '--')}"


def _hub_cache() -> Path:
    return _folder("HF_HUB_CACHE", _folder("HUGGINGFACE_HUB_CACHE", _home() / "hub"))


def _home() -> Path:
    return _folder("HF_HOME", _folder("XDG_CACHE_HOME", Path("~/.cache")) / "huggingface")


def _folder(variable: str, default: Path) -> Path:
    return Path(os.path.expandvars(os.path.expanduser(os.environ.get(variable) or default)))
