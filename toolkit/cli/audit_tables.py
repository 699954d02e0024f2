"""An audit on a terminal: one table of the splits, one of the labels, then what was found."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from toolkit.audit.findings import RANK, counted

if TYPE_CHECKING:
    from toolkit.audit.audit import Audit
    from toolkit.audit.duplicates import Copies
    from toolkit.audit.tokens import SplitTokens

MOST_LABELS = 20  # rows of the table of labels
COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


def print_audit(audit: "Audit") -> None:
    """Print tables and findings; where the output is no terminal, without colours."""
    console = Console(highlight=False, soft_wrap=True)
    for sentence in audit.stand_in:
        console.print(f"STAND-IN (not the recipe's own data or model): {sentence}", markup=False)
    for name, notes in audit.notes.items():
        for note in notes:
            console.print(f"{name}: {note}", markup=False)
    console.print(_splits(audit))
    console.print(_labels(audit))
    if audit.unseen:
        console.print(_unseen(audit))
    _print_findings(console, audit)


def _table(title: str, columns: Any) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("")
    for name in columns:
        table.add_column(Text(str(name)), justify="right", no_wrap=True)
    return table


def _splits(audit: "Audit") -> Table:
    table = _table(f"\n{audit.recipe}", audit.rows)
    table.add_row("examples", *(f"{rows:,}" for rows in audit.rows.values()))
    tokens = audit.tokens
    if tokens is not None:
        for name, value in _TOKENS.items():
            table.add_row(name, *(value(split) for split in tokens.splits.values()))
    inside = {each.of: each for each in audit.copies if each.of == each.split}
    table.add_row("texts repeated inside", *(_copies(inside[name]) for name in audit.rows))
    for other in audit.rows:
        across = {each.split: each for each in audit.copies if each.of == other != each.split}
        if across:
            cells = [_copies(across[name]) if name in across else "" for name in audit.rows]
            table.add_row(f"texts also in {other}", *cells)
    caption = "texts: exact + normalised + near (MinHash)"
    if tokens is not None:
        caption += (
            f"\nvocabulary of {tokens.source}; windows of up to {tokens.size.max_length} tokens, "
            f"neighbours share {tokens.size.overlap}"
        )
    table.caption = Text(caption)
    table.caption_justify = "left"
    return table


_TOKENS: Mapping[str, Callable[["SplitTokens"], str]] = {
    "words": lambda split: f"{split.words:,}",
    "tokens": lambda split: f"{split.tokens:,}",
    "tokens a word": lambda split: f"{split.tokens / split.words:.2f}" if split.words else "-",
    "unknown tokens": lambda split: (
        "-" if split.unknown is None else f"{split.unknown / max(1, split.tokens):.2%}"
    ),
    "tokens: median": lambda split: f"{split.lengths['median']:g}",
    "tokens: 95 % up to": lambda split: f"{split.lengths['p95']:.0f}",
    "tokens: longest": lambda split: f"{split.lengths['max']:,.0f}",
    "windows": lambda split: f"{split.windows:,}",
    "of several windows": lambda split: f"{split.long_examples:,}",
}


def _copies(copies: "Copies") -> str:
    return " + ".join(f"{len(found):,}" for found in copies.found.values())


def _labels(audit: "Audit") -> Table:
    labels = audit.labels
    if labels.numbers:
        table = _table("\nlabels are numbers", audit.rows)
        for key in next(iter(labels.numbers.values())):
            numbers = [labels.numbers.get(name, {}).get(key) for name in audit.rows]
            row = ["" if number is None else f"{number:,.6g}" for number in numbers]
            table.add_row(key.replace("_", " "), *row)
        return table
    known = labels.known()
    table = _table(f"\n{counted(len(known), 'label')}, counted by the {labels.unit}", audit.rows)
    totals = {name: sum(counts.values()) for name, counts in labels.counts.items()}
    half = MOST_LABELS // 2
    shown = known if len(known) <= MOST_LABELS else [*known[:half], None, *known[-half:]]
    for label in shown:
        if label is None:
            table.add_row(f"… {len(known) - 2 * half} more")
            continue
        cells = [_share(counts.get(label, 0), totals[n]) for n, counts in labels.counts.items()]
        table.add_row(Text(label), *cells)
    return table


def _share(count: int, total: int) -> str:
    return f"{count:,} {count / total:7.2%}" if total else "-"


def _unseen(audit: "Audit") -> Table:
    table = _table("\nentities that train lacks", [each.split for each in audit.unseen])
    kinds = dict.fromkeys(kind for each in audit.unseen for kind in each.types)
    for kind in kinds:
        cells = [each.types.get(kind, (0, 0)) for each in audit.unseen]
        table.add_row(
            Text(kind), *(f"{new:,} of {total:,}" if total else "-" for new, total in cells)
        )
    return table


def _print_findings(console: Console, audit: "Audit") -> None:
    console.print()
    for finding in audit.findings:
        line = Text(f"{finding.severity}: ", style=COLOURS[finding.severity])
        console.print(line + Text(finding.message, style="default"))
        for example in finding.examples:
            console.print(Text(f"    {example}"))
    counts = Counter(finding.severity for finding in audit.findings)
    console.print(", ".join(counted(counts[severity], severity) for severity in RANK))
