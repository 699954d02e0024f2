"""Where a recipe is: at a path, or by its name in a folder of recipes."""

import os
from pathlib import Path

from toolkit.errors import RecipeError
from toolkit.recipe.marks import shown
from toolkit.registry import nearest

SUFFIXES = (".yaml", ".yml")


def find(source: str | Path) -> Path:
    """The file of a recipe: a path, or a name such as `ner-bert`. RecipeError where it is none."""
    path = Path(source)
    if isinstance(source, Path) or len(path.parts) != 1 or path.suffix in SUFFIXES:
        if not os.path.exists(path):
            raise RecipeError(f"{path}: {no_such_file(path)}")
        return path
    known = shipped_recipes()
    if path.name in known:
        return known[path.name]
    names = ", ".join(known) or "none, neither here nor in the installation"
    guess = nearest(path.name, known)
    raise RecipeError(f"no recipe is called {shown(path.name)}.{guess} Known: {names}")


def shipped_recipes() -> dict[str, Path]:
    """The recipes that can be named: those of the installation, and over them `recipes/` here."""
    package = Path(__file__).parents[1]
    shipped = package / "shipped_recipes"  # in a wheel; in a checkout they are beside the package
    folders = [shipped if shipped.is_dir() else package.parent / "recipes", Path("recipes")]
    found = {file.stem: file for folder in folders for file in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def no_such_file(path: Path) -> str:
    """What to say about a path that is none, with the recipe beside it that it may mean."""
    beside = path.parent.glob("*.y*ml") if os.path.isdir(path.parent) else []
    guess = nearest(path.name, [file.name for file in beside])
    return f"no such file.{guess}" if guess else "no such file"
