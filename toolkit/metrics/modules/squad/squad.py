"""SQuAD as an `evaluate` module: v1.1, or v2.0 with the configuration `v2`."""

from typing import Any

import datasets
import evaluate

from toolkit.metrics.squad import squad_scores, squad_v2_scores


class Squad(evaluate.Metric):  # type: ignore[misc]
    """Exact match and F1 of answers; see `toolkit.metrics.squad`."""

    def _info(self) -> Any:
        text = datasets.Value("string")
        number = {"no_answer_probability": datasets.Value("float64")}
        prediction = {"id": text, "prediction_text": text}
        answers = {"text": [text], "answer_start": [datasets.Value("int32")]}
        return evaluate.MetricInfo(
            description=self.__doc__,
            citation="",
            inputs_description="predictions, references: as the modules squad and squad_v2",
            features=datasets.Features(
                {
                    "predictions": prediction | (number if self.config_name == "v2" else {}),
                    "references": {"id": text, "answers": answers},
                }
            ),
        )

    def _compute(
        self,
        predictions: list[dict[str, Any]],
        references: list[dict[str, Any]],
        no_answer_threshold: float = 1.0,
    ) -> dict[str, float | None]:
        found = {prediction["id"]: prediction for prediction in predictions}
        predictions = [found[reference["id"]] for reference in references]
        gold = [reference["answers"]["text"] for reference in references]
        texts = [prediction["prediction_text"] for prediction in predictions]
        if self.config_name == "v2":
            sure = [prediction["no_answer_probability"] for prediction in predictions]
            scores = squad_v2_scores(gold, texts, sure, no_answer_threshold)
        else:
            scores = squad_scores(gold, texts)
        return {name: score.value for name, score in scores.items()}
