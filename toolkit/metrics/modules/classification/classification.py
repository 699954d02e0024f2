"""Classification as an `evaluate` module: one label an example, or several (`multilabel`)."""

from typing import Any

import datasets
import evaluate

from toolkit.metrics.classification import classification_scores, multilabel_scores


class Classification(evaluate.Metric):  # type: ignore[misc]
    """Accuracy, F1 averages and Matthews; see `toolkit.metrics.classification`."""

    def _info(self) -> Any:
        label = datasets.Value("string")
        labels = datasets.Sequence(label) if self.config_name == "multilabel" else label
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            inputs_description="predictions, references: labels; labels: all labels there are",
            features=datasets.Features({"predictions": labels, "references": labels}),
        )

    def _compute(
        self, predictions: list[Any], references: list[Any], labels: list[str]
    ) -> dict[str, float | None]:
        score = multilabel_scores if self.config_name == "multilabel" else classification_scores
        return {key: one.value for key, one in score(references, predictions, labels).items()}
