"""Metrics of the `evaluate` library as their users write them, for tests that name one."""

from pathlib import Path

MODULE = """
import datasets
import evaluate


class Mine(evaluate.Metric):
    def _info(self):
        feature = {feature}
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="",
            features=datasets.Features({{"predictions": feature, "references": feature}}),
        )

    def _compute(self, predictions, references, **arguments):
        {body}
"""
TAGS = 'datasets.Sequence(datasets.Value("string"))'
NUMBERS = 'datasets.Sequence(datasets.Value("int32"))'
SHARE = "return {'share': sum(map(list.__eq__, predictions, references)) / len(references)}"


def write_metric(folder: Path, body: str = SHARE, feature: str = TAGS, name: str = "mine") -> str:
    """Write a metric module; its path."""
    path = folder / f"{name}.py"
    path.write_text(MODULE.format(feature=feature, body=body), encoding="utf-8")
    return str(path)
