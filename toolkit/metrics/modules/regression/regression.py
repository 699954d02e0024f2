"""Regression as an `evaluate` module: Pearson, Spearman and mean squared error."""

from typing import Any

import datasets
import evaluate

from toolkit.metrics.regression import regression_scores


class Regression(evaluate.Metric):  # type: ignore[misc]
    """How near numbers are to gold ones; see `toolkit.metrics.regression`."""

    def _info(self) -> Any:
        number = datasets.Value("float64")
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            inputs_description="predictions, references: numbers",
            features=datasets.Features({"predictions": number, "references": number}),
        )

    def _compute(
        self, predictions: list[float], references: list[float]
    ) -> dict[str, float | None]:
        scores = regression_scores(references, predictions)
        return {name: score.value for name, score in scores.items()}
