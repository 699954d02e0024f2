"""`toolkit recipes`: the recipes that can be named."""


def recipes() -> None:
    """List the recipes that can be named, with the first line of what each says of itself."""
    from toolkit.recipe.load import shipped_recipes

    found = shipped_recipes()
    width = max((len(name) for name in found), default=0)
    for name, path in found.items():
        print(f"{name:{width}}  {_about(path.read_text(encoding='utf-8'))}")


def _about(text: str) -> str:
    comments = (line[1:].strip() for line in text.splitlines() if line.startswith("#"))
    return next((line for line in comments if not line.startswith("yaml-language-server")), "")
