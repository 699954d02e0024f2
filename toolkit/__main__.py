"""`python -m toolkit`, which is also what `accelerate launch -m toolkit` starts."""

from toolkit.cli import main

if __name__ == "__main__":
    main()
