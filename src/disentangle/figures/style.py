"""The common style of all figures, for the page and for papers."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from disentangle.storage import replacing

# Okabe & Ito (2008): distinguishable with any colour vision and in print.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666", "#000000"]
INK = "#222222"
GRID = "#e4e4e4"

mpl.use("agg")
mpl.rcParams.update(
    {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.edgecolor": "#888888",
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.4,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "svg.fonttype": "path",  # a viewer without the font shows the same figure
        "svg.hashsalt": "disentangle",  # otherwise ids in the file are random
        "pdf.fonttype": 42,
        "figure.constrained_layout.use": True,
    }
)


def variant_label(variant: str) -> str:
    """A variant in words: 'GPTQ, 4 bits', 'fine-tuned on code'."""
    kind, _, rest = variant.partition("-")
    if kind == "gptq":
        return f"GPTQ, {rest.removesuffix('bit')} bits"
    if kind == "pruned":
        return f"pruned, {rest} %"
    words = {"finetuned": "fine-tuned on", "truncated": "truncated:"}
    return f"{words[kind]} {rest}" if kind in words else variant


def save_svg(figure: Figure, path: Path) -> None:
    """Write a figure as SVG; the same figure gives the same bytes."""
    with replacing(path) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None, "Creator": None})


def save(figure: Figure, svg: Path, pdf: Path) -> None:
    """Write a figure as SVG and as PDF; the same figure gives the same bytes."""
    save_svg(figure, svg)
    with replacing(pdf) as temporary:
        figure.savefig(temporary, format="pdf", metadata={"CreationDate": None, "Creator": None})
