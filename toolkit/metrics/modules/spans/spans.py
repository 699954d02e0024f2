"""Labelled spans as an `evaluate` module: IOB2 tags, one list a sentence."""

from typing import Any

import datasets
import evaluate

from toolkit.metrics.spans import span_scores


class Spans(evaluate.Metric):  # type: ignore[misc]
    """Precision, recall and F1 in both readings; see `toolkit.metrics.spans`."""

    def _info(self) -> Any:
        tags = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            inputs_description="predictions, references: lists of IOB2 tags",
            features=datasets.Features({"predictions": tags, "references": tags}),
        )

    def _compute(
        self, predictions: list[list[str]], references: list[list[str]]
    ) -> dict[str, float | None]:
        scores = span_scores(references, predictions)
        return {name: score.value for name, score in scores.items()}
