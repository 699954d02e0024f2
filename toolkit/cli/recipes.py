"""`toolkit recipes`: the recipes that can be named."""


def recipes() -> None:
    """List the recipes and ladders that can be named, with the first line of what each says."""
    from toolkit.recipe.load import shipped_recipes

    found, ladders = shipped_recipes(), shipped_recipes("ladders")
    width = max((len(name) for name in [*found, *ladders]), default=0)
    for name, path in [*found.items(), *ladders.items()]:
        print(f"{name:{width}}  {_about(path.read_text(encoding='utf-8'))}")


def _about(text: str) -> str:
    comments = (line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    return next((line for line in comments if not line.startswith("yaml-language-server")), "")
