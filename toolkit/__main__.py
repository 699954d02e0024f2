"""`python -m toolkit`, which is also what `accelerate launch -m toolkit` starts."""

from toolkit import stopping


def main() -> None:
    """Run the command line; Ctrl-C is quiet while it is being loaded, too."""
    stopping.listen()
    try:
        from toolkit.cli import main as run

        run()
    except stopping.Stopped as stopped:
        raise SystemExit(stopped.exit_code) from None


if __name__ == "__main__":
    main()
