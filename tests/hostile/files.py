"""Files that would run code, reach elsewhere or fill the memory of whoever loads them."""

import io
import json
import os
import pickle
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file

from tests.checkpoints import make_checkpoint
from toolkit.standin import sample_folder

OWNED = "owned"  # the file that a payload would leave
BILLION = 10**9
RECIPE = """
task: {{type: token-classification}}
model: {{type: pretrained, checkpoint: {folder}/model}}
data: {{format: conll, train: {data}/train.conll}}
train: {{epochs: 1, precision: fp32}}
evaluate: {{resamples: 0}}
run: {{name: run, folder: {folder}/runs}}
"""


class Case(NamedTuple):
    """A hostile file, and the words of the line that refuses it."""

    name: str
    make: Callable[[Path], list[str] | None]  # changes the folder; arguments of another command
    said: str


class Payload:
    """Runs a command where it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.folder / OWNED}",)


def pickled(folder: Path, protocol: int = 2) -> bytes:
    return pickle.dumps({"weight": Payload(folder)}, protocol=protocol)


def zipped(folder: Path) -> bytes:
    """As torch.save writes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled(folder))
    return buffer.getvalue()


def only(name: str) -> Case:
    def make(folder: Path) -> None:
        (folder / "model" / "model.safetensors").unlink()
        (folder / "model" / name).write_bytes(pickled(folder))

    said = "is never read, since such files can run code"
    return Case(f"only {name}", make, said if not name.endswith(".ot") else "holds no weights")


def instead(name: str, content: Callable[[Path], bytes], said: str, what: str) -> Case:
    def make(folder: Path) -> None:
        (folder / "model" / name).write_bytes(content(folder))

    return Case(f"{name} {what}", make, said)


def keys(name: str, said: str, what: str, **values: Any) -> Case:
    """Further keys in a file of settings."""

    def make(folder: Path) -> None:
        path = folder / "model" / name
        found = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**found, **values}))
        (folder / "model" / "evil.py").write_text(f"open({str(folder / OWNED)!r}, 'w')\n")

    return Case(f"{name} {what}", make, said)


def settings(said: str, what: str, **values: Any) -> Case:
    return keys("config.json", said, what, **values)


def index(table: Any, said: str, what: str, *, files: Mapping[str, bytes] | None = None) -> Case:
    def make(folder: Path) -> None:
        weights = folder / "model" / "model.safetensors"
        shutil.copy(weights, folder / "outside.safetensors")
        shutil.move(weights, folder / "model" / "part.safetensors")
        for name, content in (files or {}).items():
            (folder / "model" / name).write_bytes(content)
        text = json.dumps(table).replace("FOLDER", str(folder))
        (folder / "model" / "model.safetensors.index.json").write_text(text)

    return Case(f"an index {what}", make, said)


def shards(name: Any) -> dict[str, Any]:
    return {"metadata": {}, "weight_map": {"embeddings.word_embeddings.weight": name}}


def link(name: str, target: str, said: str) -> Case:
    def make(folder: Path) -> None:
        path = folder / "model" / name
        if path.exists():
            shutil.move(path, folder / "outside")
        path.symlink_to(target.replace("FOLDER", str(folder)))

    return Case(f"{name} links to {target}", make, said)


def special(name: str, kind: int, said: str = "no plain file") -> Case:
    def make(folder: Path) -> None:
        path = folder / "model" / name
        path.unlink(missing_ok=True)
        os.mknod(path, kind | 0o600)

    return Case(f"{name} is of kind {kind:o}", make, said)


def header(
    entries: Any, said: str, what: str, *, data: bytes = bytes(64), length: int | None = None
) -> Case:
    """A safetensors file with this header."""
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    size = (len(text) if length is None else length).to_bytes(8, "little")
    return instead("model.safetensors", lambda folder: size + text + data, said, what)


def entry(shape: Any, *offsets: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(offsets)}


def sparse(name: str, size: int, start: bytes, said: str) -> Case:
    def make(folder: Path) -> None:
        with open(folder / "model" / name, "wb") as file:
            file.write(start)
            file.truncate(size)

    return Case(f"{name} of {size:,} bytes", make, said)


def weights(change: Callable[[dict[str, torch.Tensor]], Any], said: str, what: str) -> Case:
    def make(folder: Path) -> None:
        path = folder / "model" / "model.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})

    return Case(f"weights {what}", make, said)


def tokenizer(change: Callable[[dict[str, Any]], Any], said: str, what: str) -> Case:
    def make(folder: Path) -> None:
        path = folder / "model" / "tokenizer.json"
        state = json.loads(path.read_text())
        changed = change(state)
        path.write_text(json.dumps(state if changed is None else changed))
        # the families' own classes take some of it from their own code instead of the file
        settings = folder / "model" / "tokenizer_config.json"
        found = {**json.loads(settings.read_text()), "tokenizer_class": "PreTrainedTokenizerFast"}
        settings.write_text(json.dumps(found))

    return Case(f"a tokenizer {what}", make, said)


def recipe(said: str, what: str, **changes: str) -> Case:
    """A recipe in which lines are others."""

    def make(folder: Path) -> None:
        path = folder / "recipe.yaml"
        lines = path.read_text().splitlines()
        for block, line in changes.items():
            lines = [each for each in lines if not each.startswith(f"{block}:")]
            lines.append(line.replace("FOLDER", str(folder)))
        path.write_text("\n".join(lines))
        (folder / "evil.py").write_text(f"open({str(folder / OWNED)!r}, 'w')\n")

    return Case(f"a recipe {what}", make, said)


def archive(fill: Callable[[tarfile.TarFile], Any], said: str, what: str) -> Case:
    def make(folder: Path) -> None:
        with tarfile.open(folder / "texts.tar.gz", "w:gz", compresslevel=1) as tar:
            fill(tar)
        path = folder / "recipe.yaml"
        lines = [
            each for each in path.read_text().splitlines() if each[:5] not in ("task:", "data:")
        ]
        lines += [
            "task: {type: masked-language-modelling}",
            f"data: {{format: text, train: {folder}/texts.tar.gz}}",
        ]
        path.write_text("\n".join(lines))

    return Case(f"an archive {what}", make, said)


def member(tar: tarfile.TarFile, name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    tar.addfile(info, Zeros(size))


class Zeros(io.RawIOBase):
    """So many zero bytes."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, size: int = -1) -> bytes:
        size = self.left if size < 0 else min(size, self.left)
        self.left -= size
        return bytes(size)


def long_header(tar: tarfile.TarFile) -> None:
    """A comment of 1 GB in the header of a member."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 2**30
    tar.addfile(info, Zeros(info.size))


def run(change: Callable[[Path], Any], said: str, what: str) -> Case:
    """The folder of somebody's run, to predict with."""

    def make(folder: Path) -> list[str]:
        shutil.copytree(folder.parent / "run", folder / "run")
        change(folder / "run")
        return ["predict", str(folder / "run"), "Ada met Bob"]

    return Case(f"a run {what}", make, said)


def edited(name: str, before: str, after: str) -> Callable[[Path], Any]:
    def change(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))
        (folder / "evil.py").write_text(f"open({str(folder / OWNED)!r}, 'w')\n")

    return change


def bad_merge(state: dict[str, Any]) -> dict[str, Any]:
    """tokenizers issue 2094: a merge that is longer than any entry."""
    model = {
        "type": "BPE",
        "vocab": {"a": 0, "b": 1, "ab": 2},
        "merges": [["a", "b"], ["ab", "ab"]],
    }
    return {**state, "model": model, "added_tokens": [], "post_processor": None}


def put(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.update(values)


def replaces(content: str, times: int) -> dict[str, Any]:
    one = {"type": "Replace", "pattern": {"String": "a"}, "content": content}
    return {"type": "Sequence", "normalizers": [one] * times}


DEEP = "[" * 100_000
KERNEL = "expected eager, sdpa or nothing"
CODE = "names code that would come with it"
HUGE = "and no side of a weight is longer than"
TOO_LARGE = "describes a model that is far larger than its weights"
OUTSIDE = "expected a .safetensors file here"
NO_TENSORS = "no safetensors that can be read"
GOOD = {"a": entry([4, 4], 0, 64)}

CASES = [
    *(only(name) for name in (
        "pytorch_model.bin", "pytorch_model.pt", "model.pth", "model.ckpt", "model.pkl",
        "tf_model.h5", "flax_model.msgpack", "training_args.bin", "optimizer.pt", "weights.npy",
        "rust_model.ot",
    )),
    *(instead("model.safetensors", lambda f, p=p: pickled(f, p), "is pickled", f"protocol {p}")
      for p in (2, 4, 5)),
    instead("model.safetensors", zipped, "is pickled under another name", "of torch.save"),
    *(instead(name, pickled, said, "pickled") for name, said in (
        ("config.json", "is not JSON"), ("tokenizer_config.json", "is not JSON"),
        ("tokenizer.json", "no tokenizer that can be read"),
        ("generation_config.json", "is not JSON"), ("special_tokens_map.json", "is not JSON"),
        ("model.safetensors.index.json", "is not JSON"),
    )),
    settings(CODE, "auto_map", auto_map={"AutoModel": "evil.Model", "AutoConfig": "evil.Config"}),
    settings(CODE, "auto_map of a repository", auto_map={"AutoModel": "evil/repo--evil.Model"}),
    settings(CODE, "auto_map inside", text_config={"auto_map": {"AutoModel": "evil.Model"}}),
    settings(CODE, "trust_remote_code", trust_remote_code=True),
    settings(CODE, "trust_remote_code inside", vision={"parts": [{"trust_remote_code": True}]}),
    settings(CODE, "custom_pipelines", custom_pipelines={"ner": {"impl": "evil.Pipeline"}}),
    settings(CODE, "weights elsewhere", transformers_weights="../outside.safetensors"),
    settings(CODE, "weights of a name", transformers_weights="adapter_model.bin"),
    settings("the weights are packed", "quantised", quantization_config={"quant_method": "evil"}),
    keys("tokenizer_config.json", CODE, "auto_map", auto_map={"AutoTokenizer": ["evil.T", None]}),
    keys("tokenizer_config.json", CODE, "auto_map as a list", auto_map=["evil.T", "evil.T"]),
    *(settings(KERNEL, f"{key} {value}", **{key: value}) for key, value in (
        ("attn_implementation", "kernels-community/flash-attn"),
        ("attn_implementation", "evil/repo:function"),
        ("_attn_implementation", "evil/repo"),
        ("_attn_implementation_internal", "evil/repo"),
        ("_attn_implementation_autoset", "evil/repo"),
        ("attn_implementation", {"": "evil/repo"}),
        ("attn_implementation", "paged|evil/repo"),
        ("attn_implementation", "flash_attention_2"),
        ("text_config", {"_attn_implementation": "evil/repo@main:f"}),
        ("experts_implementation", "evil/repo"),
        ("use_kernels", True),
        ("kernel_config", {"Linear": "evil/repo:Linear"}),
    )),
    index(shards("../outside.safetensors"), OUTSIDE, "that leads up"),
    index(shards("FOLDER/outside.safetensors"), OUTSIDE, "with a whole path"),
    index(shards("/dev/zero"), OUTSIDE, "to a device"),
    index(shards("sub/part.safetensors"), OUTSIDE, "to a folder below"),
    index(shards("pytorch_model.bin"), OUTSIDE, "to pickled weights"),
    index(shards("other.safetensors"), "there is no such file", "to nothing"),
    index(shards("x.safetensors"), "is pickled", "to pickled weights under another name",
          files={"x.safetensors": b"\x80\x04cos\nsystem\n"}),
    index(shards(3), "expected the name of a file", "of numbers"),
    index({"weight_map": {}}, "expected the name of a file", "of nothing"),
    index({"weight_map": ["part.safetensors"]}, "expected the name of a file", "as a list"),
    index([1], "expected keys and values", "that is a list"),
    instead("model.safetensors.index.json", lambda f: DEEP.encode(), "is not JSON", "deep"),
    special("model.safetensors", stat.S_IFIFO),
    special("model.safetensors", stat.S_IFSOCK),
    special("tokenizer.json", stat.S_IFIFO),
    special("tokenizer_config.json", stat.S_IFIFO),
    special("model.safetensors.index.json", stat.S_IFIFO),
    special("vocab.txt", stat.S_IFIFO),
    special("config.json", stat.S_IFIFO, "holds no config.json"),
    link("model.safetensors", "FOLDER/outside", "outside the folder"),
    link("model.safetensors", "/dev/zero", "outside the folder"),
    link("model.safetensors", "nowhere.safetensors", "a link to nothing"),
    link("model.safetensors", "model.safetensors", "a link to nothing"),
    link("config.json", "../outside", "outside the folder"),
    link("tokenizer.json", "/etc/hostname", "outside the folder"),
    link("vocab.txt", "/etc/passwd", "outside the folder"),
    instead("model.safetensors", lambda f: b"", "no whole safetensors file", "empty"),
    instead("model.safetensors", lambda f: b"\x01\0\0", "no whole safetensors file", "of 3 bytes"),
    header(GOOD, "no whole safetensors file", "with 2**63 bytes of header", length=2**63),
    header(GOOD, "no whole safetensors file", "with 2**64 bytes of header", length=2**64 - 1),
    header(GOOD, "no whole safetensors file", "with 1 GB of header", length=2**30),
    header(GOOD, NO_TENSORS, "cut short", data=bytes(60)),
    header(GOOD, NO_TENSORS, "with more behind it", data=bytes(99)),
    header(b"{not json", NO_TENSORS, "without JSON"),
    header([1, 2], NO_TENSORS, "with a list"),
    header(DEEP.encode(), NO_TENSORS, "with a deep header"),
    header({"a": entry([4, 4], 0, 64), "b": entry([4, 2], 32, 64)}, NO_TENSORS, "that overlaps"),
    header({"a": entry([4, 2], 0, 32), "b": entry([4], 48, 64)}, NO_TENSORS, "with a gap"),
    header({"a": entry([400], 0, 1600)}, NO_TENSORS, "beyond its end"),
    header({"a": entry([4, 4], -64, 0)}, NO_TENSORS, "before its start"),
    header({"a": entry([4, 4], 64, 0)}, NO_TENSORS, "backwards"),
    header({"a": entry([2**62, 4], 0, 64)}, NO_TENSORS, "with an absurd shape"),
    header({"a": entry([2**32, 2**32, 0], 0, 64)}, NO_TENSORS, "with a shape that overflows"),
    header({"a": entry([-4, -4], 0, 64)}, NO_TENSORS, "with a negative shape"),
    header({"a": entry([4, 4], 0, 64, dtype="O")}, NO_TENSORS, "of objects"),
    header({"a": entry("x", 0, 64)}, NO_TENSORS, "with a shape of text"),
    sparse("model.safetensors", 2**28, (2**27).to_bytes(8, "little"), "a header of 134,217,728"),
    weights(lambda t: t.update({"embeddings.word_embeddings.weight": torch.zeros(7, 5)}),
            "cannot be loaded", "of another shape"),
    weights(lambda t: [t.pop(n) for n in [*t][1:]], "lacks", "that are missing"),
    weights(lambda t: t.update({"embeddings.LayerNorm.bias": torch.full((32,), torch.nan)}),
            "holds numbers that are not finite", "that are no numbers"),
    tokenizer(bad_merge, "token", "with a merge of nothing"),
    tokenizer(lambda s: {}, "no tokenizer that can be read", "of nothing"),
    tokenizer(lambda s: [s], "no tokenizer that can be read", "that is a list"),
    tokenizer(put(model={"type": "Evil"}), "no tokenizer that can be read", "of another kind"),
    tokenizer(put(normalizer=replaces("a" * 10, 12)), "times longer", "that grows its text"),
    tokenizer(put(normalizer={"type": "Prepend", "prepend": "x" * 1000}),
              "a piece of 1,000 characters", "that puts much in front"),
    tokenizer(put(post_processor={
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}] * 500
        + [{"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}},
    }), "tokens around a text", "with a long frame"),
    instead("tokenizer.json", lambda f: DEEP.encode(), "no tokenizer that can be read", "deep"),
    sparse("tokenizer.json", 2**27, b"{", "expected at most"),
    sparse("vocab.txt", 2**33, b"[PAD]", "expected at most"),
    sparse("config.json", 2**25, b"{", "expected at most"),
    keys("tokenizer_config.json", "outside the folder", "vocab_file", vocab_file="/etc/passwd"),
    keys("tokenizer_config.json", "outside the folder", "a file above", spm_file="../recipe.yaml"),
    keys("tokenizer_config.json", "a template is code", "chat_template",
         chat_template="{{ cycler.__init__.__globals__.os.system('id') }}"),
    instead("chat_template.jinja", lambda f: b"{{ 1 }}", "a template is code", "beside it"),
    instead("tokenizer_config.json", lambda f: b"[]", "expected keys and values", "a list"),
    instead("config.json", lambda f: b"[]", "expected keys and values", "a list"),
    instead("config.json", lambda f: b"{}", "cannot be loaded by transformers", "empty"),
    instead("config.json", lambda f: b'{"a":' * 100_000, "is not JSON", "deep"),
    instead("config.json", lambda f: b'{"vocab_size": 1' + b"9" * 5000 + b"}", "is not JSON",
            "with a long number"),
    *(settings(HUGE, f"{key} {value:.0e}", **{key: value}) for key, value in (
        ("hidden_size", BILLION), ("vocab_size", BILLION), ("num_hidden_layers", BILLION),
        ("max_position_embeddings", BILLION), ("num_labels", BILLION),
        ("intermediate_size", BILLION), ("type_vocab_size", BILLION), ("hidden_size", -BILLION),
    )),
    settings(TOO_LARGE, "wide", hidden_size=2**20),
    settings(TOO_LARGE, "of a million layers", num_hidden_layers=2**20),
    settings(TOO_LARGE, "wide inside", intermediate_size=2**20, hidden_size=4096),
    settings("lacks 28 weights", "with long tables", model_type="gpt2", n_positions=2**20),
    settings("hidden_size", "of text", hidden_size="abc"),
    settings("cannot be loaded", "of a family that there is not", model_type="evil"),
    settings("cannot be loaded", "of a family elsewhere", model_type="../../evil"),
    settings("cannot be loaded", "of an activation that there is not", hidden_act="os.system"),
    *(keys("adapter_config.json", "an adapter of weights that lie elsewhere", what,
           peft_type="LORA", **values) for what, values in (
        ("of a folder", {"base_model_name_or_path": "../../outside"}),
        ("of a repository", {"base_model_name_or_path": "evil/repo"}),
        ("with a class", {"auto_mapping": {"base_model_class": "M", "parent_library": "evil"}}),
    )),
    recipe("found the tag", "with a tag",
           train="train: {epochs: !!python/object/apply:os.system [id]}"),
    recipe("found the anchor", "with an anchor", train="train: {epochs: &a 1}"),
    recipe("is code of your own", "with a task of its own", task="task: {type: 'evil:Task'}"),
    recipe("is code of your own", "with an encoder of its own",
           model="model: {type: 'evil:Model'}"),
    recipe("is code of your own", "with data of its own",
           data="data: {format: 'evil:Data', train: x}"),
    recipe("is code of your own", "with a metric",
           evaluate="evaluate: {extra: [{module: FOLDER/evil.py}]}"),
    recipe("is code of the Hub", "with a metric of the Hub",
           evaluate="evaluate: {extra: [{module: evil/metric, from_hub: true}]}"),
    recipe("unknown key", "that trusts code",
           model="model: {type: pretrained, checkpoint: FOLDER/model, trust_remote_code: true}"),
    recipe("is a file, expected a folder", "with a file for a checkpoint",
           model="model: {type: pretrained, checkpoint: FOLDER/model/model.safetensors}"),
    recipe("too large for a recipe", "that extends a device", extends="extends: /dev/zero"),
    recipe("a device, expected a file", "with a device for data",
           data="data: {format: conll, train: /dev/zero}"),
    archive(lambda tar: member(tar, "a.txt", 2**30), "expected at most", "that explodes"),
    archive(lambda tar: [member(tar, f"{n}.txt", 2**26) for n in range(16)], "expected at most",
            "that explodes in parts"),
    archive(long_header, "expected at most", "with a long header"),
    run(edited("recipe.yaml", "type: token-classification", "type: evil:Task"),
        "is code of your own", "with a task of its own"),
    run(edited("model/config.json", '"model_type"', '"auto_map": {"A": "evil.M"}, "model_type"'),
        CODE, "with auto_map"),
    run(edited("model/config.json", '"hidden_size": 32', '"hidden_size": 1000000000'),
        HUGE, "of absurd size"),
    run(lambda f: (f / "model" / "model.safetensors").write_bytes(pickled(f)), "is pickled",
        "with pickled weights"),
    run(lambda f: (f / "model" / "tokenizer.json").write_text("{}"),
        "no tokenizer that can be read", "without a tokenizer"),
]  # fmt: skip


def make_all(folder: Path, cases: Sequence[Case]) -> dict[str, list[str]]:
    """Write a folder for each case, by its number among them; the command of each."""
    make_checkpoint("bert", folder / "model")
    sentences = (sample_folder("ner") / "train.conll").read_text(encoding="utf-8").split("\n\n")
    (folder / "train.conll").write_text("\n\n".join(sentences[:8]) + "\n", encoding="utf-8")
    make_run(folder)
    commands = {}
    for number, case in enumerate(cases):
        own = folder / str(number)
        own.mkdir()
        shutil.copytree(folder / "model", own / "model")
        (own / "recipe.yaml").write_text(RECIPE.format(folder=own, data=folder))
        commands[case.name] = case.make(own) or ["finetune", str(own / "recipe.yaml")]
    return commands


def make_run(folder: Path) -> None:
    """A finished run, as somebody might pass it on."""
    import toolkit

    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(folder=folder, data=folder))
    finished = toolkit.finetune(toolkit.load_recipe(path))
    shutil.move(finished.folder, folder / "run")
