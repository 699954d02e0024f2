"""Fine-tune text encoders from a recipe, and know how good the result is.

The public names are loaded when they are first used, so that `import toolkit` brings no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Answer": "toolkit.examples",
    "Baseline": "toolkit.baselines.base",
    "DataError": "toolkit.errors",
    "Document": "toolkit.examples",
    "Fitted": "toolkit.baselines.base",
    "Question": "toolkit.examples",
    "Recipe": "toolkit.recipe.schema",
    "RecipeError": "toolkit.errors",
    "Tagged": "toolkit.examples",
    "Task": "toolkit.tasks.base",
    "Text": "toolkit.examples",
    "ToolkitError": "toolkit.errors",
    "Window": "toolkit.windows",
    "check_task": "toolkit.testing",
    "finetune": "toolkit.training.finetune",
    "load": "toolkit.predict",
    "load_recipe": "toolkit.recipe.load",
}


__all__ = list(_PUBLIC)

if TYPE_CHECKING:
    from toolkit.baselines.base import Baseline as Baseline
    from toolkit.baselines.base import Fitted as Fitted
    from toolkit.errors import DataError as DataError
    from toolkit.errors import RecipeError as RecipeError
    from toolkit.errors import ToolkitError as ToolkitError
    from toolkit.examples import Answer as Answer
    from toolkit.examples import Document as Document
    from toolkit.examples import Question as Question
    from toolkit.examples import Tagged as Tagged
    from toolkit.examples import Text as Text
    from toolkit.predict import load as load
    from toolkit.recipe.load import load_recipe as load_recipe
    from toolkit.recipe.schema import Recipe as Recipe
    from toolkit.tasks.base import Task as Task
    from toolkit.testing import check_task as check_task
    from toolkit.training.finetune import finetune as finetune
    from toolkit.windows import Window as Window


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
