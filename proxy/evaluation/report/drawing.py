"""What all drawings of reports have in common. Needs matplotlib, which is the extra `report`.

Colours are those of Okabe and Ito, which people tell apart whatever colours they see; no colour says anything that a
label, a mark or a dash does not say as well. Sizes are chosen for a phone held upright.
"""

from __future__ import annotations

import io
import warnings

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#e69f00",
    "#56b4e9",
    "#009e73",
    "#0072b2",
    "#d55e00",
    "#cc79a7",
)
GREY = "#595959"
FAINT = "#d9d9d9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, GREY)
"""One after the other, for curves."""
DASHES: tuple[tuple[float, ...], ...] = ((), (6, 2), (2, 1.5), (6, 2, 1, 2), (3, 3), (8, 2, 2, 2, 2, 2), (1, 1))
_WIDTH = 7.0
_DPI = 160


def figure(height: float) -> Figure:
    """Return an empty drawing, so many inches high."""
    return Figure(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")


def png(drawn: Figure) -> bytes:
    """Return a drawing as PNG; the same drawing gives the same bytes."""
    # The canvas alone draws: no global state, nothing that a display would be needed for.
    canvas = FigureCanvasAgg(drawn)
    target = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the page has it as text.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
        canvas.print_figure(target, format="png", metadata={"Software": None})
    return target.getvalue()


def tidy(axes: Axes) -> None:
    """Draw no more lines around than are read."""
    axes.spines[["top", "right"]].set_visible(b=False)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=9)


def plain(text: str) -> str:
    """Return text that matplotlib takes for no formula: names come from untrusted files."""
    return text.replace("$", r"\$")
