"""A linear-chain CRF on features that were thought of by hand: the tagger before networks.

J. Lafferty, A. McCallum and F. Pereira 2001. The emission of a word for a label is the sum of the
weights of its features; the penalised likelihood is convex, and L-BFGS finds its minimum.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit.baselines.base import Baseline, Fitted, Predict
from toolkit.baselines.tagging import IMPOSSIBLE, check_labels, tags_of
from toolkit.baselines.word_features import features_of
from toolkit.data.text import counted
from toolkit.errors import DataError
from toolkit.tasks.transitions import legal_transitions

if TYPE_CHECKING:
    import numpy as np

    from toolkit.examples import Tagged
    from toolkit.tasks.token_classification import Tags, TokenClassification

Positive = Annotated[int, Field(ge=1)]
KEPT_STEPS = 6  # of L-BFGS: it holds twice as many vectors as long as the weights
LEAST_GAIN = 1e-4  # of a step, as a share of the loss: a search that gains less is over


class FeatureCrf(Baseline):
    """A conditional random field on words, affixes and shapes in a window of five words."""

    does = "tags words"
    tasks = ("token-classification",)

    penalty: Annotated[float, Field(gt=0)] = 0.1  # on half the squares of the weights
    min_count: Positive = 2  # words that have a feature which gets weights
    iterations: Positive = 200  # of L-BFGS at most

    def learn(self, task: "TokenClassification", examples: "Sequence[Tagged]") -> Fitted:
        """The weights of features and transitions. DataError where no sentence can be learned."""
        from toolkit.baselines.chain_likelihood import Chains

        places = {label: place for place, label in enumerate(task.labels)}
        legal = legal_transitions(task.labels)
        tagged = [each for each in examples if each.words]
        sentences = [each for each in tagged if _is_learned(each, places, legal)]
        if not sentences:
            raise DataError("data.train: holds no sentence whose tags could follow each other")
        seen: Counter[str] = Counter()
        for each in sentences:
            for names in features_of(each.words):
                seen.update(names)
        features = sorted(name for name, number in seen.items() if number >= self.min_count)
        rows = _rows(sentences, features)
        chains = Chains.of([[places[tag] for tag in each.tags or ()] for each in sentences])
        weights, transitions, notes = self._fitted(rows, chains, legal)
        if left_out := len(tagged) - len(sentences):
            notes.append(
                f"train: {counted(left_out, 'sentence')} left out: tags that are no labels, or "
                "that must not follow each other"
            )
        arrays = {"weights": weights.astype("float32"), "transitions": transitions}
        return Fitted(arrays, {"labels": list(task.labels), "features": features}, tuple(notes))

    def _fitted(self, rows: Any, chains: Any, legal: Sequence[Sequence[bool]]) -> Any:
        """Weights (features, labels), transitions (labels + 2, labels), and what to say of them."""
        import numpy as np
        from scipy.optimize import minimize

        from toolkit.baselines.chain_likelihood import likelihood

        is_legal = np.array(legal)
        shape = (rows.shape[1], is_legal.shape[1])
        size = shape[0] * shape[1]
        columns = rows.T.tocsr()

        def unpacked(vector: "np.ndarray[Any, Any]") -> tuple[Any, Any]:
            transitions = np.full(is_legal.shape, IMPOSSIBLE)
            transitions[is_legal] = vector[size:]
            return vector[:size].reshape(shape), transitions

        def objective(vector: "np.ndarray[Any, Any]") -> tuple[float, Any]:
            weights, transitions = unpacked(vector)
            found = likelihood(chains, rows @ weights, transitions)
            gradient = self.penalty * vector
            gradient[:size] += (columns @ found.of_emissions).ravel()
            gradient[size:] += found.of_transitions[is_legal]
            return found.loss + 0.5 * self.penalty * float(vector @ vector), gradient

        options = {
            "maxiter": self.iterations,
            "maxfun": 2 * self.iterations,
            "maxcor": KEPT_STEPS,
            "ftol": LEAST_GAIN,
        }
        start = np.zeros(size + int(is_legal.sum()))
        done = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        notes = []
        if not done.success:
            notes.append(f"not converged after {done.nit} iterations (model.iterations)")
        return *unpacked(done.x), notes

    def predictor(self, task: "TokenClassification", fitted: Fitted) -> Predict:
        """The best path; a tag's score is its probability over all paths."""
        import numpy as np

        check_labels(fitted, task.labels)
        places = {name: row for row, name in enumerate(fitted.facts["features"])}
        weights = fitted.arrays["weights"].astype(np.float64)
        transitions = fitted.arrays["transitions"]

        def tags(example: Any) -> "Tags":
            found = [
                [places[name] for name in names if name in places]
                for names in features_of(example.words)
            ]
            rows = [weights[each].sum(axis=0) for each in found]
            return tags_of(rows, transitions, task.labels)

        return lambda examples: [tags(example) for example in examples]


def _is_learned(example: "Tagged", places: dict[str, int], legal: Sequence[Sequence[bool]]) -> bool:
    """Whether every tag is a label, and may stand behind the one before it."""
    path = [places.get(tag) for tag in example.tags or ()]
    if None in path or not path:
        return False
    lefts = [len(legal) - 2, *path]
    return all(legal[left][right] for left, right in zip(lefts, path))  # type: ignore[index]


def _rows(sentences: "Sequence[Tagged]", features: Sequence[str]) -> Any:
    """Which word has which feature, as a sparse matrix (words, features) of ones."""
    import numpy as np
    from scipy import sparse

    places = {name: place for place, name in enumerate(features)}
    columns: list[int] = []
    ends = [0]
    for sentence in sentences:
        for names in features_of(sentence.words):
            columns += sorted(places[name] for name in names if name in places)
            ends.append(len(columns))
    shape = (len(ends) - 1, len(features))
    return sparse.csr_array((np.ones(len(columns)), np.array(columns), np.array(ends)), shape=shape)
