"""Bars as SVG, drawn on the server: they need no script, and take the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

#: Of the width that a day has, what its bar takes; of the height, what a day of failures has.
_STROKE, _MISSED = 0.34, 0.25

#: Height of the highest bar, of the whole.
_FULL = 0.88

#: Least height of a day with anything at all.
_LEAST = 0.08


def bars(days: Sequence[tuple[int, int]], label: str, *, kind: str, width: int, height: int) -> Markup:
    """One stroke for each day of (how many, how many failed), the first on the left.

    A day with failures and nothing new is marked; one with nothing of either has no stroke. `label`
    says it in words, for whoever cannot see it.
    """
    step = width / max(len(days), 1)
    most = max((new for new, _ in days), default=0)
    drawn = {"bar": "", "miss": ""}
    for place, (new, failed) in enumerate(days):
        if new:
            drawn["bar"] += _stroke(place, step, height, max(new / most * _FULL, _LEAST))
        elif failed:
            drawn["miss"] += _stroke(place, step, height, _MISSED)
    paths = "".join(f'<path class="{name}" d="{path}"/>' for name, path in drawn.items() if path)
    attributes = f'viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img"'
    named = Markup(' class="{}"').format(kind) if kind else ""
    drawing = Markup(paths)  # noqa: S704  # numbers of ours
    return Markup('<svg{} {} aria-label="{}">{}</svg>').format(named, Markup(attributes), label, drawing)  # noqa: S704


def _stroke(place: int, step: float, height: int, part: float) -> str:
    x, wide, tall = (place + (1 - _STROKE) / 2) * step, step * _STROKE, height * part
    return f"M{x:.2f} {height - tall:.1f}h{wide:.2f}v{tall:.1f}h-{wide:.2f}z"
