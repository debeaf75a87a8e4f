"""The chart: how many times better ours is than the peer, a bar a figure, on a scale of logarithms.

Needs matplotlib (``pip install '.[bench]'``), which the figures themselves do not."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.figures.figure import Part

BETTER, WORSE = "#2b7a78", "#c0504d"


def draw(path: Path, parts: dict[str, Part]) -> bool:
    """Whether it could be drawn: there is nothing to draw without a peer, and nothing to draw with without matplotlib,
    which is told."""
    bars = [(f"{name}: {each.name}", each.times) for name, part in parts.items() for each in part.figures if each.times]
    if not bars:
        return False
    with own_settings():
        try:
            import matplotlib  # noqa: PLC0415 - optional
        except ImportError as why:
            print(f"{path} is not drawn: {why} (pip install '.[bench]')", file=sys.stderr)
            return False
        matplotlib.use("Agg")
        _draw(path, bars)
    return True


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """matplotlib keeps settings and its list of fonts in HOME, which there need not be, and complains if it cannot: it
    is told to keep them in a folder that goes, unless somebody chose one."""
    chosen = os.environ.get("MPLCONFIGDIR")
    with tempfile.TemporaryDirectory(prefix="matplotlib-") as folder:
        os.environ["MPLCONFIGDIR"] = chosen or folder
        try:
            yield
        finally:
            if not chosen:
                del os.environ["MPLCONFIGDIR"]


def _draw(path: Path, bars: list[tuple[str, float]]) -> None:
    from matplotlib import pyplot  # noqa: PLC0415 - after the choice of what it draws with

    names, times = zip(*reversed(bars), strict=True)
    figure, axes = pyplot.subplots(figsize=(9, 0.8 + 0.26 * len(bars)))
    colours = [BETTER if time >= 1 else WORSE for time in times]
    drawn = axes.barh(names, [time - 1 for time in times], left=1, color=colours)
    axes.bar_label(drawn, [f"{time:,.0f}" if time >= 10 else f"{time:.2g}" for time in times], padding=2, fontsize=7)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    ticks = [
        tick
        for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
        if min(times) * 0.6 <= tick <= max(times) * 1.8
    ]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.margins(x=0.09, y=0.01)
    axes.set_xlabel("times better than Postfix or Dovecot (1: equal)")
    axes.tick_params(labelsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
