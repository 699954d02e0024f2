"""The rules of the house: who may import whom, and what starting up may cost."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "toolkit"

# A module imports from its own row or rows below it. `encoders` and `tasks` share a row and never
# import each other. Imports under TYPE_CHECKING are names, not arrows.
ROWS = (
    {"cli", "serving", "__main__"},
    {"report"},
    {"compare", "predict", "replay", "testing"},
    {"training", "evaluation", "runs", "baselines", "audit"},
    {"models", "standin"},
    {"tasks", "encoders"},
    {"heads", "losses", "dropout"},
    {"recipe", "data"},
    {"windows", "hub", "examples", "cases", "registry", "metrics", "stopping"},
    {"errors"},
)
ROW = {name: number for number, row in enumerate(ROWS) for name in row}
# what may be imported without bringing torch
LIGHT = (
    "toolkit", "toolkit.cli", "toolkit.recipe.load", "toolkit.recipe.dump", "toolkit.registry",
    "toolkit.examples", "toolkit.windows", "toolkit.hub", "toolkit.standin",
    "toolkit.data.conll", "toolkit.data.hub", "toolkit.tasks.token_classification",
    "toolkit.tasks.masked_language_modelling", "toolkit.data.plain_text", "toolkit.encoders.new",
    "toolkit.encoders.pretrained", "toolkit.encoders.recurrent", "toolkit.metrics.spans",
    "toolkit.encoders.transformer",
    "toolkit.audit.audit", "toolkit.audit.record", "toolkit.runs.run", "toolkit.stopping",
    "toolkit.runs.difference", "toolkit.baselines.majority", "toolkit.baselines.ngram_linear",
    "toolkit.baselines.most_frequent_tag", "toolkit.baselines.hmm",
    "toolkit.baselines.feature_crf", "toolkit.baselines.sliding_window",
    "toolkit.runs.difference", "toolkit.compare.job", "toolkit.compare.reading",
    "toolkit.compare.curve", "toolkit.compare.significance",
    "toolkit.runs.difference", "toolkit.report",
)  # fmt: skip


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(module: str) -> str:
    return module.split(".")[1]


def imported(tree: ast.AST) -> set[str]:
    """The toolkit modules that a file imports when it runs, wherever the import stands."""
    names = set()
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            skipped.update(id(inner) for part in node.body for inner in ast.walk(part))
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "toolkit":
            if node.module == "toolkit":
                names.update(f"toolkit.{alias.name}" for alias in node.names)
            else:
                names.add(node.module)
        elif isinstance(node, ast.Import):
            names.update(a.name for a in node.names if a.name.startswith("toolkit."))
    return names


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    module = "toolkit." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    here = room(module)
    assert here in ROW, f"{here}: decide in which row it belongs"
    for other in imported(ast.parse(path.read_text(encoding="utf-8"))):
        there = room(other)
        assert ROW[here] <= ROW[there], f"{module} imports {other}, which lies above it"
        assert {here, there} != {"tasks", "encoders"}, f"{module} imports {other}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_are_short_enough_to_read(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_light_modules_bring_no_torch():
    code = (
        f"import sys; [__import__(name) for name in {LIGHT!r}]; "
        "heavy = {'torch', 'transformers', 'datasets', 'accelerate', 'sklearn', 'pandas'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_pickle_and_no_remote_code_in_the_package():
    forbidden = ("torch.load", "pickle", "trust_remote_code")
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        named = path.name == "vetting.py"  # it names what it refuses
        for word in forbidden[:1] if named else forbidden:
            assert word not in text, f"{path.name}: {word}"
