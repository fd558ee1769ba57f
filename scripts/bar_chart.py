"""Horizontal bars as SVG: one panel a subject, one bar a contender, drawn without any library.

Values are in the unit that the axis names; a bar's thin line goes from its least to its most.
"""

import math
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH, LABELS, RIGHT = 880, 250, 120  # pixels: the picture, what stands left of the bars, and right of the longest
BAR, GAP, HEAD, FOOT = 17, 6, 34, 34  # of a panel
TOP, LINE = 16, 17                    # of the picture: above its title, a line of text
INK, FAINT, GRID = "#24292f", "#57606a", "#d8dee4"


@dataclass
class Bar:
    label: str
    value: float
    least: float
    most: float
    note: str = ""
    colour: str = "#7d8ea3"


@dataclass
class Panel:
    title: str
    unit: str
    bars: list[Bar] = field(default_factory=list)

    @property
    def height(self):
        return HEAD + len(self.bars) * (BAR + GAP) + FOOT


def text(x, y, words, size=12, colour=INK, anchor="start", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{escape(words)}</text>')


def line(x1, y1, x2, y2, colour, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def step_of(largest, wanted=5):
    """A round distance of grid lines: about so many up to the largest value."""
    raw = max(largest, 1) / wanted
    power = 10 ** math.floor(math.log10(raw))
    return next(f * power for f in (1, 2, 2.5, 5, 10) if f * power >= raw)


def short(number):
    return f"{number / 1000:g} k" if number >= 1000 else f"{number:g}"


def draw_panel(panel, top):
    step = step_of(max((b.most for b in panel.bars), default=1))
    end = step * max(1, math.ceil(max((b.most for b in panel.bars), default=1) / step))
    scale = (WIDTH - LABELS - RIGHT) / end
    first, last = top + HEAD, top + panel.height - FOOT
    out = [text(12, top + 18, panel.title, 14, weight="bold")]
    for n in range(round(end / step) + 1):
        x = LABELS + n * step * scale
        out += [line(x, first - 2, x, last, GRID), text(x, last + 14, short(n * step), 11, FAINT, "middle")]
    out.append(text(LABELS + end * scale + 34, last + 14, panel.unit, 11, FAINT))
    for n, bar in enumerate(panel.bars):
        y = first + n * (BAR + GAP)
        middle, right = y + BAR / 2, LABELS + bar.value * scale
        out += [text(LABELS - 8, middle + 4, bar.label, anchor="end"),
                f'<rect x="{LABELS}" y="{y}" width="{bar.value * scale:.1f}" height="{BAR}" fill="{bar.colour}"/>',
                line(LABELS + bar.least * scale, middle, LABELS + bar.most * scale, middle, INK),
                text(max(right, LABELS + bar.most * scale) + 6, middle + 4, f"{bar.value:,.0f} {bar.note}".strip())]
    return out


def draw(title, subtitle, panels):
    """The picture as text."""
    top = TOP + LINE * (1 + len(subtitle)) + 12
    height = top + sum(p.height for p in panels)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
           'font-family="DejaVu Sans, Verdana, Helvetica, sans-serif" role="img">',
           f"<title>{escape(title)}</title>", f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           text(12, TOP + 6, title, 16, weight="bold")]
    out += [text(12, TOP + 6 + LINE * (n + 1), words, 12, FAINT) for n, words in enumerate(subtitle)]
    for panel in panels:
        out += draw_panel(panel, top)
        top += panel.height
    return "\n".join([*out, "</svg>"]) + "\n"
