"""What users of `transformers` do to predict: python -m benchmarks.one_by_one MODEL FILE."""

import json
import sys
from pathlib import Path


def main() -> None:
    """Print the entities of each line of a file."""
    from transformers import pipeline

    tagger = pipeline("token-classification", model=sys.argv[1])
    for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines():
        found = [{"word": each["word"], "entity": each["entity"]} for each in tagger(line)]
        print(json.dumps(found))


if __name__ == "__main__":
    main()
