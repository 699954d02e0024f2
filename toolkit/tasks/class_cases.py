"""Classified texts as a person reads them: labels taken for others, numbers and how far off."""

from collections.abc import Mapping
from typing import Any

from toolkit.cases import Case, Passage, Turn

NUM_LIKELY = 3  # labels that are named with their probabilities


def class_case(record: Mapping[str, Any]) -> Case:
    """A text, or a pair, with one label, several or a number."""
    passages = tuple(Passage(name, record[name]) for name in ("text", "pair") if name in record)
    gold, said = record.get("gold"), record["prediction"]
    scores: Mapping[str, float] = record.get("score") or {}
    if isinstance(said, list):
        return _several(passages, gold, said, scores)
    if isinstance(said, str):
        return _one(passages, gold, said, scores)
    numbers = None if gold is None else (float(gold), float(said))
    off = 0.0 if numbers is None else abs(numbers[0] - numbers[1])
    return Case(
        passages, None if gold is None else (f"{gold:g}",), (f"{said:.2f}",), None, None, off,
        numbers=numbers,
    )  # fmt: skip


def _one(
    passages: tuple[Passage, ...], gold: str | None, said: str, scores: Mapping[str, float]
) -> Case:
    sure = scores.get(said)
    if gold is None:
        return Case(passages, None, (said,), None, sure, likely=_likely(scores, ()))
    return Case(
        passages,
        (gold,),
        (said,),
        gold == said,
        sure,
        sure or 0.0,
        (Turn(gold, said),),
        {} if sure is None else {"texts": [(sure, gold == said)]},
        _likely(scores, (gold,)),
    )


def _several(
    passages: tuple[Passage, ...],
    gold: list[str] | None,
    said: list[str],
    scores: Mapping[str, float],
) -> Case:
    if gold is None:
        return Case(passages, None, tuple(said), None, None, likely=_likely(scores, ()))
    missed = [name for name in gold if name not in said]
    invented = [name for name in said if name not in gold]
    turns = [Turn(name, name) for name in gold if name in said]
    if len(missed) == len(invented) == 1:  # one for the other
        turns.append(Turn(missed[0], invented[0]))
    else:
        turns += [Turn(name, None) for name in missed]
        turns += [Turn(None, name) for name in invented]
    # what is missed is as sure as it was thought not to be there
    odd = [1 - scores[name] for name in missed if name in scores]
    odd += [scores[name] for name in invented if name in scores]
    sure = max(odd, default=None)
    chances = {"decisions": [(scores[name], name in gold) for name in scores]} if scores else {}
    return Case(
        passages, tuple(gold), tuple(said), not missed and not invented, sure, sure or 0.0,
        tuple(turns), chances, _likely(scores, gold),
    )  # fmt: skip


def _likely(
    scores: Mapping[str, float], gold: tuple[str, ...] | list[str]
) -> tuple[tuple[str, float], ...]:
    """The likeliest labels and the gold ones, likeliest first."""
    best = sorted(scores, key=lambda name: -scores[name])[:NUM_LIKELY]
    wanted = [name for name in gold if name in scores and name not in best]
    return tuple((name, scores[name]) for name in [*best, *wanted])
