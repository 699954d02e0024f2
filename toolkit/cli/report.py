"""`toolkit report`: the page of a run."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli.options import AllowCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from toolkit.training.finetune import Finished

Folder = Annotated[str, typer.Argument(help="The folder of a run, of a ladder or of a curve.")]


def report(
    run: Folder,
    split: Annotated[
        str | None, typer.Option(help="The split or evaluation set whose examples are shown.")
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Look at the data too, as toolkit check does.")
    ] = False,
    allow_code: AllowCode = None,
) -> None:
    """Write the page of a run: one HTML file, readable without a network.

    Of a run RUN/report.html: scores, training, labels, confusions, calibration, errors to read,
    data, settings. Of what `toolkit compare` leaves compare.html, of `toolkit curve` curve.html.
    """
    from pathlib import Path

    from toolkit.errors import RunError
    from toolkit.report import compare_page, curve_page, run_page

    allowed = tuple(allow_code or ())
    began = time.monotonic()
    is_ladder, is_curve = ((Path(run) / f"{name}.json").is_file() for name in ("compare", "curve"))
    if (is_ladder or is_curve) and (split is not None or audit):
        raise RunError(f"{run}: is no single run: --split and --audit are for the page of one")
    if is_ladder:
        path = compare_page(run, allow_code=allowed)
    elif is_curve:
        path = curve_page(run)
    else:
        found = _audit(run, allowed) if audit else None
        path = run_page(run, split=split, audit=found, allow_code=allowed)
    size = path.stat().st_size / 1e6
    print(f"{path} ({size:.2f} MB, {time.monotonic() - began:.1f} s)")


def _audit(run: str, allow_code: tuple[str, ...]) -> dict[str, Any]:
    from toolkit.audit.audit import audit
    from toolkit.audit.record import record_of
    from toolkit.report.reading import read_run
    from toolkit.standin import ready

    return record_of(audit(ready(read_run(run, allow_code).recipe, needs_model=False)))


def page_of(finished: "Finished", allow_code: tuple[str, ...]) -> str:
    """A line that says where the page of a finished run is, or why there is none."""
    from toolkit.report import run_page

    path = finished.folder / "report.html"
    if finished.was_finished and path.is_file():
        return f"report {path}"
    return _written(lambda: run_page(finished.folder, allow_code=allow_code), "the run itself")


def page_of_ladder(folder: "Path", allow_code: tuple[str, ...]) -> str:
    """A line that says where the page of a ladder is, or why there is none."""
    from toolkit.report import compare_page

    return _written(lambda: compare_page(folder, allow_code=allow_code), "the comparison")


def page_of_curve(folder: "Path") -> str:
    """A line that says where the page of a learning curve is, or why there is none."""
    from toolkit.report import curve_page

    return _written(lambda: curve_page(folder), "the curve")


def _written(write: "Callable[[], Path]", what: str) -> str:
    """What a page is made of is finished whatever becomes of the page."""
    try:
        return f"report {write()}"
    except Exception as error:
        return f"no report ({type(error).__name__}: {error}); {what} is finished"
