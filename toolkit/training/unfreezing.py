"""Gradual unfreezing: at first the head is trained, then one more layer at a time, from the top.

Howard & Ruder 2018 (ULMFiT). What is trained follows from the number of the step alone, so that
a resumed run trains what an uninterrupted one does.
"""

from collections.abc import Mapping
from typing import NamedTuple

from toolkit.encoders.layers import depths_of
from toolkit.models.freezing import needs_layers
from toolkit.models.model import Model
from toolkit.recipe.schema import Train
from toolkit.training.batches import Plan


class Unfreezing(NamedTuple):
    """Which parameters are trained in which step."""

    every: int  # steps between two layers
    top: int  # the depth above all layers, where training begins
    depths: Mapping[str, int]  # of the encoder's parameters that are trained sooner or later

    @classmethod
    def of(cls, model: Model, train: Train, plan: Plan) -> "Unfreezing | None":
        """None where everything is trained at once. RecipeError where there are no layers."""
        if train.unfreeze_every is None:
            return None
        top = len(needs_layers(model, "train.unfreeze_every")) + 1
        depths = {f"encoder.{name}": depth for name, depth in depths_of(model.encoder).items()}
        every = plan.steps_per_epoch if train.unfreeze_every == "epoch" else train.unfreeze_every
        trained = {name: depth for name, depth in depths.items() if name not in model.frozen}
        return cls(every, top, trained)

    def lowest(self, step: int) -> int:
        """The lowest depth that is trained in a step (counted from 0); 0 is the embeddings."""
        return max(0, self.top - step // self.every)

    def apply(self, model: Model, step: int) -> bool:
        """Let train what is trained in a step, in place; whether that changed anything."""
        lowest, is_changed = self.lowest(step), False
        for name, parameter in model.named_parameters():
            is_trained = name not in self.depths or self.depths[name] >= lowest
            if name not in model.frozen and parameter.requires_grad != is_trained:
                parameter.requires_grad_(is_trained)
                is_changed = True
        return is_changed

    def left_out(self, plan: Plan) -> int:
        """How many layers and embeddings are still frozen in the last step."""
        lowest = self.lowest(plan.num_steps - 1)
        return len({depth for depth in self.depths.values() if depth < lowest})
