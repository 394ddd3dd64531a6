"""Markup that is escaped unless it was made here, so that no stranger's name ever becomes a tag.

`el` makes an element; its children are text (escaped) or `Markup` (already made by `el`). Every element is closed, so
the page is well-formed.
"""

import html
from collections.abc import Iterable

from scenarios.report.wording import printable

_VOID = frozenset({"br", "meta", "col", "path", "rect", "line", "circle", "polyline", "polygon", "use", "stop"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def el(tag: str, *children: Child, **attributes: str | int | None) -> Markup:
    """An element. Attribute names: `class_` for class, `_` for `-`; None leaves the attribute (or child) out."""
    head = tag + "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(printable(str(value)))}"'
        for name, value in attributes.items()
        if value is not None
    )
    body = joined(*children)
    return Markup(f"<{head}/>" if tag in _VOID and not body else f"<{head}>{body}</{tag}>")


def joined(*children: Child) -> Markup:
    """Children one after another, without an element around them."""
    return Markup("".join(_text(child) for child in children))


def _text(child: Child) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, (str, int)):
        return html.escape(printable(str(child)), quote=False)
    return "".join(_text(grandchild) for grandchild in child)
