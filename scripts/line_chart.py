"""Lines over time as SVG: small charts side by side, drawn without any library."""

import math
from dataclasses import dataclass, field

from bar_chart import FAINT, GRID, INK, line, short, step_of, text
from xml.sax.saxutils import escape

COLUMNS, CELL_WIDTH, CELL_HEIGHT = 3, 400, 250                   # pixels, of a chart with all that belongs to it
LEFT, RIGHT, HEAD, FOOT = 52, 12, 30, 62                        # of a chart: around what is plotted
TOP, LINE = 16, 17                                              # of the picture: above its title, a line of text
COLOURS = ("#1f77b4", "#d95f02", "#2ca02c", "#9467bd", "#c0392b", "#7d8ea3")


@dataclass
class Chart:
    title: str
    unit: str
    series: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # by label: seconds, value


def plotted(points, x_of, y_of):
    """A line for each run of numbers: a gap where there was none."""
    runs = [[]]
    for when, value in points:
        if math.isnan(value):
            runs.append([])
        else:
            runs[-1].append(f"{x_of(when):.1f},{y_of(value):.1f}")
    return [" ".join(run) for run in runs if run]


def tick(value):
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} M"
    return f"{value:.2g}" if 0 < value < 1 else short(value)


def draw_legend(labels, left, top):
    out, x, y = [], left + LEFT, top
    for n, label in enumerate(labels):
        width = 26 + 6.6 * len(label)
        if x > left + LEFT and x + width > left + CELL_WIDTH - RIGHT:
            x, y = left + LEFT, y + 13
        out += [line(x, y - 4, x + 12, y - 4, COLOURS[n % len(COLOURS)], 2), text(x + 16, y, label, 10, FAINT)]
        x += width
    return out


def draw_chart(chart, left, top, end):
    values = [v for points in chart.series.values() for _, v in points if not math.isnan(v)]
    largest = max(values, default=0) or 1
    scale = 1 if largest >= 1 else 10 ** -math.floor(math.log10(largest))
    step = step_of(largest * scale, 4) / scale
    high = step * math.ceil(largest / step - 1e-9)
    bottom, right = top + CELL_HEIGHT - FOOT, left + CELL_WIDTH - RIGHT

    def x_of(when):
        return left + LEFT + (right - left - LEFT) * when / end

    def y_of(value):
        return bottom - (bottom - top - HEAD) * value / high

    out = [text(left + LEFT, top + 16, chart.title, 13, weight="bold"),
           text(right, top + 16, chart.unit, 11, FAINT, "end")]
    for n in range(round(high / step) + 1):
        out += [line(left + LEFT, y_of(n * step), right, y_of(n * step), GRID),
                text(left + LEFT - 6, y_of(n * step) + 4, tick(n * step), 10, FAINT, "end")]
    for when in range(0, int(end) + 1, 15):
        out.append(text(x_of(when), bottom + 14, f"{when} s", 10, FAINT, "middle"))
    for n, points in enumerate(chart.series.values()):
        out += [f'<polyline points="{run}" fill="none" stroke="{COLOURS[n % len(COLOURS)]}" stroke-width="1.5"/>'
                for run in plotted(points, x_of, y_of)]
    return out + draw_legend(chart.series, left, bottom + 30)


def draw(title, subtitle, charts, end):
    """The picture as text; time goes from 0 to `end` seconds."""
    top = TOP + LINE * (1 + len(subtitle)) + 14
    width = COLUMNS * CELL_WIDTH
    height = top + math.ceil(len(charts) / COLUMNS) * CELL_HEIGHT
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
           'font-family="DejaVu Sans, Verdana, Helvetica, sans-serif" role="img">',
           f"<title>{escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
           text(12, TOP + 6, title, 16, INK, weight="bold")]
    out += [text(12, TOP + 6 + LINE * (n + 1), words, 12, FAINT) for n, words in enumerate(subtitle)]
    for n, chart in enumerate(charts):
        out += draw_chart(chart, n % COLUMNS * CELL_WIDTH, top + n // COLUMNS * CELL_HEIGHT, end)
    return "\n".join([*out, "</svg>"]) + "\n"
