"""Where a recipe is: at a path, or by its name in a folder of recipes."""

import os
from pathlib import Path

from toolkit.errors import RecipeError
from toolkit.recipe.marks import shown
from toolkit.registry import nearest

SUFFIXES = (".yaml", ".yml")


def find(source: str | Path, *, ladders: bool = False) -> Path:
    """The file of a recipe: a path, or a name such as `ner-bert`. RecipeError where it is none.

    With `ladders`, a name may be that of a ladder, too, and is that of one before a recipe's.
    """
    path = Path(source)
    if isinstance(source, Path) or len(path.parts) != 1 or path.suffix in SUFFIXES:
        if not os.path.exists(path):
            raise RecipeError(f"{path}: {no_such_file(path)}")
        return path
    known = shipped_recipes("ladders") if ladders else {}
    known |= {name: file for name, file in shipped_recipes().items() if name not in known}
    if path.name in known:
        return known[path.name]
    names = ", ".join(known) or "none, neither here nor in the installation"
    guess = nearest(path.name, known)
    what = "ladder or recipe" if ladders else "recipe"
    raise RecipeError(f"no {what} is called {shown(path.name)}.{guess} Known: {names}")


def shipped_recipes(folder: str = ".") -> dict[str, Path]:
    """The recipes that can be named: those of the installation, and over them `recipes/` here.

    `folder` is the one in theirs: `ladders`.
    """
    package = Path(__file__).parents[1]
    shipped = package / "shipped_recipes"  # in a wheel; in a checkout they are beside the package
    folders = [shipped if shipped.is_dir() else package.parent / "recipes", Path("recipes")]
    found = {file.stem: file for each in folders for file in (each / folder).glob("*.yaml")}
    return dict(sorted(found.items()))


def no_such_file(path: Path) -> str:
    """What to say about a path that is none, with the recipe beside it that it may mean."""
    beside = path.parent.glob("*.y*ml") if os.path.isdir(path.parent) else []
    guess = nearest(path.name, [file.name for file in beside])
    return f"no such file.{guess}" if guess else "no such file"
