"""`toolkit export`: a run's model as a folder that plain `transformers` loads."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from toolkit.cli.options import AllowCode, RunFolder

if TYPE_CHECKING:
    from toolkit.predict import ModelPredictor
    from toolkit.runs.run import Run


def export(
    run: RunFolder,
    folder: Annotated[Path, typer.Argument(help="Where to write; new or empty.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Add an adapter to the weights that it changes.")
    ] = False,
    allow_code: AllowCode = None,
) -> None:
    """Write the model of a finished run for use without this toolkit."""
    from toolkit.errors import RunError
    from toolkit.predict import load
    from toolkit.runs import files
    from toolkit.runs.run import open_finished

    opened = open_finished(run)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder}: is not empty, expected a new folder")
    predictor = load(run, "evaluate.extra=[]", allow_code=tuple(allow_code or ()), device="cpu")
    if predictor.not_exported:
        raise RunError(f"{run}: {predictor.not_exported}")
    has_adapter = getattr(predictor.recipe.model, "adapter", None) is not None

    def fill(target: Path) -> None:
        if merge and has_adapter:
            _write_merged(cast("ModelPredictor", predictor), opened, folder, target)
        else:
            shutil.copytree(opened.model, target, dirs_exist_ok=True)

    files.commit_folder(folder, fill)
    if has_adapter and not merge:
        needed = getattr(predictor.recipe.model, "checkpoint", "")
        print(f"model {folder}: adapter and head, beside {needed} (--merge makes one model of it)")
    else:
        print(f"model {folder}" + ": there was no adapter to merge" * merge * (not has_adapter))


def _write_merged(predictor: "ModelPredictor", run: "Run", folder: Path, target: Path) -> None:
    from toolkit.encoders.adapter_module import merge
    from toolkit.encoders.base import encoder_of
    from toolkit.models.card import model_card
    from toolkit.models.model import save_model

    merge(predictor.model.encoder.base)
    plain = encoder_of(predictor.recipe).model_copy(update={"adapter": None})
    save_model(predictor.model, plain, predictor.reader.tokenizer, target)
    recipe = predictor.recipe.model_copy(update={"model": plain})
    card = model_card(
        recipe, run.results(), is_native=True, model=str(folder), manifest=run.manifest()
    )
    (target / "README.md").write_text(card, encoding="utf-8")
