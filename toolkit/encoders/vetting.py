"""What a folder that holds a checkpoint must be before anything loads it.

A checkpoint is a stranger's: it may name code to run, kernels to fetch, files elsewhere, sizes that
no memory holds. What may be read is looked at first, as data and with bounds, and refused in a line
each. Pickled files and code beside the weights are never opened, so they need no refusal of their
own. Brings no torch.
"""

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import ToolkitError
from toolkit.recipe.marks import shown

WEIGHTS, INDEX, ADAPTER = "model.safetensors", "model.safetensors.index.json", "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
READ = (".json", ".jinja", ".model", ".safetensors", ".txt")  # ends of names that libraries read
SETTINGS = (
    "config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "generation_config.json",
)  # fmt: skip
PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack", ".npy")
MOST_BYTES = 1 << 24  # of a JSON file of settings, and of a header of weights
MOST_BYTES_OF_TEXT = 1 << 26  # of a vocabulary
LARGEST = 1 << 20  # number in a configuration that no side of a weight explains
MOST_SHARDS = 10_000
_CODE = (
    "auto_map", "auto_mapping", "custom_pipelines", "trust_remote_code", "transformers_weights",
)  # fmt: skip
_KERNELS = ("attn_implementation", "experts_implementation", "kernel_config", "use_kernels")
_OWN = (None, False, "eager", "sdpa")  # ways of computing that come with the libraries
_TEMPLATES = ("chat_template.jinja", "chat_template.json", "additional_chat_templates")


class Weights(NamedTuple):
    """What the headers of the weights say, without a look at the weights."""

    longest: int = 0  # the longest side of a tensor
    numbers: int = 0
    tensors: int = 0


class FaultError(ValueError):
    """What is wrong with a file, as the end of a line."""


def check_folder(folder: Path, *, is_checkpoint: bool = True) -> Weights:
    """ToolkitError where a folder is no checkpoint that may be loaded: a line a file.

    Of a run, `is_checkpoint` is false: it may hold an adapter, or a tokenizer and no weights.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise ToolkitError(f"{folder}: cannot be read ({error.strerror})") from None
    states = tuple(_state(folder / name) for name in names)
    return _checked(folder, tuple(names), states, is_checkpoint)


@lru_cache(maxsize=64)
def _checked(
    folder: Path, names: Sequence[str], states: Sequence[Any], is_checkpoint: bool
) -> Weights:
    # looked at again only where a file has changed: `names` and `states` say so
    faults: dict[str, str] = {}
    found = Weights()
    for name in names:
        if name.endswith(READ) or name in _TEMPLATES:
            try:
                _check_kind(folder, name)
            except FaultError as fault:
                faults[name] = str(fault)
    if not faults:
        found, faults = _contents(folder, names, is_checkpoint)
    if faults:
        raise ToolkitError(f"{folder / name}: {fault}" for name, fault in faults.items())
    return found


def _contents(
    folder: Path, names: Sequence[str], is_checkpoint: bool
) -> tuple[Weights, dict[str, str]]:
    faults: dict[str, str] = {}
    weights = [name for name in (WEIGHTS, INDEX, ADAPTER_WEIGHTS) if name in names]
    found = Weights()
    for name in weights:
        try:
            shards = _shards(folder) if name == INDEX else [name]
            found = _sum([found, *(_size(shapes_of(folder / shard)) for shard in shards)])
        except FaultError as fault:
            faults[name] = str(fault)
    if is_checkpoint and not weights:
        faults[WEIGHTS] = _missing(names)
    if is_checkpoint and ADAPTER in names:
        faults[ADAPTER] = "an adapter of weights that lie elsewhere, expected a whole checkpoint"
    for name in names:
        try:
            if name in SETTINGS:
                check_settings(folder, name, found)
        except FaultError as fault:
            faults[name] = str(fault)
    return found, faults


def _missing(names: Sequence[str]) -> str:
    pickled = [name for name in names if name.endswith(PICKLED)]
    if not pickled:
        return "missing: the folder holds no weights"
    return f"missing: {pickled[0]} is never read, since such files can run code"


def _check_kind(folder: Path, name: str) -> None:
    """A file that is read is a plain one, in the folder or in the blobs of the same cache."""
    path = folder / name
    if name in _TEMPLATES:
        raise FaultError("a template is code for whoever renders it, and nothing reads it here")
    if path.is_symlink():
        target = Path(os.path.realpath(path))
        homes = [Path(os.path.realpath(folder))]
        if folder.parent.name == "snapshots":  # of the Hub's cache, where names are links
            homes.append(Path(os.path.realpath(folder.parent.parent / "blobs")))
        if target.parent not in homes:
            raise FaultError(f"a link to {target}, outside the folder")
    mode = path.stat().st_mode if path.exists() else 0
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise FaultError("no plain file" if mode else "a link to nothing")
    if stat.S_ISREG(mode) and path.suffix != ".safetensors":
        size, most = path.stat().st_size, MOST_BYTES_OF_TEXT
        if size > most:
            raise FaultError(f"has {size:,} bytes, expected at most {most:,}")


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino


def _shards(folder: Path) -> list[str]:
    """The files that an index names: beside it, and weights."""
    table = json_of(folder / INDEX).get("weight_map")
    names = set(table.values()) if isinstance(table, dict) and _are_names(table) else set()
    if not names or len(names) > MOST_SHARDS:
        raise FaultError("weight_map: expected the name of a file for each weight")
    for name in sorted(names):
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise FaultError(f"weight_map: found {shown(name)}, expected a .safetensors file here")
        if not (folder / name).is_file():
            raise FaultError(f"weight_map: found {shown(name)}, and there is no such file")
    return sorted(names)


def _are_names(table: Mapping[str, Any]) -> bool:
    return all(isinstance(name, str) for name in table.values())


def shapes_of(path: Path) -> dict[str, list[int]]:
    """The shapes in a safetensors file, whose header the library checks against its size.

    FaultError where it is none.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, "rb") as file:
        start = file.read(8)
    length, size = int.from_bytes(start, "little"), path.stat().st_size
    if len(start) < 8 or length > size - 8:
        # only then: a header of 640 bytes, say, has a length that begins as a pickled file does
        if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
            raise FaultError("is pickled under another name, expected safetensors")
        raise FaultError(f"no whole safetensors file (header of {length:,} bytes in {size:,})")
    if length > MOST_BYTES:
        raise FaultError(f"a header of {length:,} bytes, expected at most {MOST_BYTES:,}")
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, OverflowError) as error:
        raise FaultError(f"no safetensors that can be read ({_first_line(error)})") from None


def _size(shapes: Mapping[str, Sequence[int]]) -> Weights:
    return _sum([Weights(max(each, default=0), math.prod(each), 1) for each in shapes.values()])


def _sum(parts: Sequence[Weights]) -> Weights:
    return Weights(
        max((part.longest for part in parts), default=0),
        sum(part.numbers for part in parts),
        sum(part.tensors for part in parts),
    )


def json_of(path: Path) -> dict[str, Any]:
    """A file of settings; FaultError where it is none, or too large to be one."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise FaultError(f"has {size:,} bytes, expected at most {MOST_BYTES:,}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FaultError(f"is not JSON ({_first_line(error)})") from None
    if not isinstance(content, dict):
        raise FaultError(f"found {shown(content)}, expected keys and values")
    return content


def check_settings(folder: Path, name: str, weights: Weights) -> None:
    """FaultError for a key that leads to code or files elsewhere, and for sizes beyond reason."""
    most = max(LARGEST, weights.longest)
    for key, value in _pairs(json_of(folder / name)):
        if key in _CODE and value not in (None, False, {}, []):
            raise FaultError(f"{key} names code that would come with it: nothing of it is run here")
        if any(each in key for each in _KERNELS) and not _is_own(value):
            raise FaultError(f"{key}: found {shown(value)}, expected eager, sdpa or nothing")
        if key == "quantization_config" and value:
            raise FaultError("quantization_config: the weights are packed, expected plain ones")
        if key == "chat_template" and value:
            raise FaultError("chat_template: a template is code for whoever renders it")
        if key.endswith("_file") and isinstance(value, str) and _is_elsewhere(folder, value):
            raise FaultError(f"{key}: found {shown(value)}, outside the folder")
        is_size = type(value) is int and name == "config.json" and "theta" not in key
        if is_size and abs(value) > most:
            raise FaultError(
                f"{key}: found {shown(value)}, and no side of a weight is longer than "
                f"{weights.longest:,}"
            )


def _pairs(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every key at any depth with its value; items of a list have the key of the list."""
    left = [(key, value)]
    while left:
        key, value = left.pop()
        yield key, value
        if isinstance(value, dict):
            left += reversed(value.items())
        elif isinstance(value, list):
            left += [(key, item) for item in reversed(value)]


def _is_own(value: Any) -> bool:
    values = value.values() if isinstance(value, dict) else (value,)
    return all(not isinstance(each, (dict, list)) and each in _OWN for each in values)


def _is_elsewhere(folder: Path, value: str) -> bool:
    # many carry the path of their maker's cache, which is not here and does no harm
    path = Path(os.path.realpath(folder / value))
    return path.exists() and Path(os.path.realpath(folder)) not in path.parents


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
