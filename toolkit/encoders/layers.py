"""The layers of an encoder, read off its modules: no family is known here by name.

A layer is a member of the largest list of modules that lies in no other one: `encoder.layer.3` of
BERT, `layers.3` of ModernBERT. The group of layers that ALBERT runs again and again is one.
"""

from torch import nn


def layers_of(encoder: nn.Module) -> dict[str, nn.Module]:
    """The layers by name, the lowest first; empty where there are none."""
    stacks: dict[str, nn.ModuleList] = {}
    for name, part in encoder.named_modules():
        is_inside = any(name.startswith(f"{outer}.") for outer in stacks)
        if isinstance(part, nn.ModuleList) and not is_inside:
            stacks[name] = part
    if not stacks:
        return {}
    largest = max(stacks, key=lambda name: sum(p.numel() for p in stacks[name].parameters()))
    return {f"{largest}.{number}": layer for number, layer in enumerate(stacks[largest])}


def depths_of(encoder: nn.Module) -> dict[str, int]:
    """The depth of every parameter: 0 below the layers, 1 the lowest layer, above them the most.

    Below are the embeddings and what stands before the first layer (ELECTRA's and ALBERT's
    projections), above is what stands behind the last one (a pooler, a last normalisation).
    """
    layers = {f"{name}.": number for number, name in enumerate(layers_of(encoder), 1)}
    depths: dict[str, int] = {}
    others = 0  # the depth of what lies in no layer: changes once the layers have been passed
    for module_name, module in encoder.named_modules():
        for name, _ in module.named_parameters(module_name, recurse=False):
            inside = [number for start, number in layers.items() if name.startswith(start)]
            if inside:
                others = len(layers) + 1
            is_embedding = isinstance(module, nn.Embedding)
            depths[name] = inside[0] if inside else 0 if is_embedding else others
    return depths
