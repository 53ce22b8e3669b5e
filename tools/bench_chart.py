"""The benchmark's chart: one HTML file with the drawing inside, light or dark as the reader's."""
import html
import math

import bench_rows

LOWEST = 0.003  # the axis: shares of Linux, logarithmic
LEFT, RIGHT, TOP, STEP = 345, 760, 58, 20
NUMBERS = 775

STYLE = """
:root { --page: #fcfcfb; --ink: #1c1c1a; --faint: #75746e; --line: #dddcd5; --bar: #2f6fb3;
        --bad: #c2512f; --mark: #1c1c1a; }
@media (prefers-color-scheme: dark) {
  :root { --page: #191918; --ink: #ecebe6; --faint: #9b9a92; --line: #3a3a37; --bar: #5b9ade;
          --bad: #e8805c; --mark: #ecebe6; } }
body { background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, sans-serif;
       margin: 2rem auto; max-width: 980px; padding: 0 1rem; }
svg { width: 100%; height: auto; } text { fill: var(--ink); font-size: 12px; }
.faint { fill: var(--faint); } .number { text-anchor: end; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); } .bar { fill: var(--bar); } .bad { fill: var(--bad); }
.goal { stroke: var(--mark); stroke-width: 2; } .limit { fill: var(--page); stroke: var(--mark); }
.wall { fill: var(--mark); } .middle { text-anchor: middle; }
.strong { font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: 2px 14px 2px 0; text-align: right; } td:first-child, th:first-child
{ text-align: left; }
"""


def x_of(share):
    share = min(max(share, LOWEST), 1)
    return LEFT + (RIGHT - LEFT) * (1 - math.log(share) / math.log(LOWEST))


def text(x, y, content, css=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{css}">{html.escape(content)}</text>'


def grid(bottom):
    parts = []
    for share in (0.003, 0.01, 0.03, 0.1, 0.3, 1):
        x = x_of(share)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP - 14}" x2="{x:.1f}" '
                     f'y2="{bottom}"/>' + text(x, TOP - 20, f"{share:g}", "faint middle"))
    return parts


def bar(y, share, wall, goal, limit, bad):
    parts = [f'<rect class="{"bad" if bad else "bar"}" x="{LEFT}" y="{y - 10}" height="12" '
             f'width="{max(x_of(share) - LEFT, 2):.1f}" rx="2"/>']
    if goal:
        x = x_of(goal)
        parts.append(f'<line class="goal" x1="{x:.1f}" y1="{y - 13}" x2="{x:.1f}" y2="{y + 5}"/>')
    if limit:
        parts.append(f'<circle class="limit" cx="{x_of(limit):.1f}" cy="{y - 4}" r="3.5"/>')
    if wall:
        x = x_of(wall)
        parts.append(f'<path class="wall" d="M{x - 4:.1f} {y - 4}l4 -4l4 4l-4 4z"/>')
    return parts


def row_parts(row, y):
    name = text(0, y, row.name) + text(118, y, row.what, "faint")
    if not row.ratio:
        note = "; ".join(f"{kernel}: {words}" for kernel, words in row.notes.items())
        return [name, text(LEFT + 6, y, note or "not measured", "faint")]
    return [name, *bar(y, row.ratio, row.wall, row.goal and row.goal / row.linux,
                       row.limit and row.limit / row.linux, row.above),
            text(NUMBERS + 75, y, bench_rows.number(row.linux), "number faint"),
            text(NUMBERS + 150, y, bench_rows.number(row.tessera), "number"),
            text(NUMBERS + 200, y, bench_rows.ratio(row.ratio), "number strong")]


def drawing(report):
    bottom = TOP + STEP * (len(report.rows) + 1)
    parts = grid(bottom) + [
        text(0, 14, "Share of Linux's instructions for the same work; logarithmic", "strong"),
        text(NUMBERS + 75, TOP - 20, "Linux", "number faint"),
        text(NUMBERS + 150, TOP - 20, "Tessera", "number faint"),
        text(NUMBERS + 200, TOP - 20, "ratio", "number faint")]
    y = TOP
    for row in report.rows:
        parts += row_parts(row, y)
        y += STEP
    if report.mean:
        parts += [text(0, y + 6, "geometric mean", "strong"),
                  *bar(y + 6, report.mean, report.wall_mean, bench_rows.MEAN_GOAL, None,
                       report.mean > bench_rows.MEAN_GOAL),
                  text(NUMBERS + 200, y + 6, bench_rows.ratio(report.mean), "number strong")]
    return (f'<svg viewBox="0 0 980 {bottom + 20}" role="img" '
            f'aria-label="Tessera compared with Linux">{"".join(parts)}</svg>')


def byte_table(report):
    if not report.bytes:
        return ""
    lines = ["<table><tr><th>bytes</th><th>Linux</th><th>Tessera</th></tr>"]
    for _, what, values, notes in report.bytes:
        cells = "".join(
            f"<td>{html.escape(notes.get(k) or (f'{values[k]:,}' if k in values else '-'))}</td>"
            for k in ("linux", "tessera"))
        lines.append(f"<tr><td>{html.escape(what)}</td>{cells}</tr>")
    return "\n".join(lines + ["</table>"])


def page(report):
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tessera and Linux, instructions</title><style>{STYLE}</style></head><body>
<h1>Tessera and Linux, the same program in the same QEMU</h1>
<p>Bar: Tessera's instructions as a share of Linux's (red: above the goal). Stroke: the goal.
Circle: the limit, what the hardware alone needs. Diamond: the share in wall time.</p>
{drawing(report)}
{byte_table(report)}
</body></html>
"""
