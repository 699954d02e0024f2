"""The page of a learning curve: what more training data brought, and what it would bring.

Reads the `curve.json` that `toolkit curve` leaves.
"""

import json
from pathlib import Path
from typing import Any

from toolkit.errors import RunError
from toolkit.report import plots
from toolkit.report.comparison import read_figures
from toolkit.report.html import count, page
from toolkit.runs.files import write_file

FIGURES, PAGE = "curve.json", "curve.html"
NEEDED = ("curve", "metric", "split", "points")
OPTIONAL = ("stand_ins", "about", "examples", "fit", "doubling", "machine", "failed", "sentences")


def curve_page(folder: str | Path) -> Path:
    """Write `curve.html` into the folder of a learning curve; where it lies.

    RunError where there is no curve.json.
    """
    folder = Path(folder)
    figures = read_figures(folder / FIGURES, "toolkit curve", NEEDED, OPTIONAL)
    for number, point in enumerate(figures["points"], 1):
        if lacks := [key for key in ("size", "scores", "mean") if key not in point]:
            raise RunError(f"{folder / FIGURES}: point {number} lacks {', '.join(lacks)}")
    path = folder / PAGE
    write_file(path, page("curve.html", **_values(figures)))
    return path


def _values(figures: dict[str, Any]) -> dict[str, Any]:
    spots = [
        plots.Spot(
            count(point["size"]),
            point["size"],
            point["mean"],
            tuple(point["interval"]) if point.get("interval") else None,
            [score for score in point["scores"] if score is not None],
            is_best=True,
        )
        for point in figures["points"]
        if point["mean"] is not None
    ]
    law = [
        plots.Expected(each["size"], each["score"], *each["interval"])
        for each in (figures["fit"] or {}).get("line", ())
    ]
    title = f"{figures['metric']} on {figures['split']} by training examples"
    return {
        "title": f"{figures['curve']}: what more data brings",
        "stand_ins": [str(each) for each in figures["stand_ins"] or ()],
        "figures": figures,
        "plot": plots.cost_plot(title, spots, "training examples", figures["metric"], law),
        "machine_text": json.dumps(figures["machine"], indent=2, ensure_ascii=False),
    }
