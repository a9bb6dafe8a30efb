"""Model cards as HTML: Markdown without raw HTML or pictures, links that give nothing away."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import mark_safe
from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.utils.safestring import SafeString
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token
    from markdown_it.utils import EnvType, OptionsDict

REL = "noopener noreferrer nofollow"


def rendered(text: str) -> SafeString | str:
    """The card as HTML; nothing when it is empty.

    CommonMark and tables by markdown-it-py with `html` off: tags in the text are shown as text,
    `javascript:` and `data:` links stay text too. A picture becomes a link to where it lies: the
    page's CSP would load none from elsewhere, and asking for it would tell who reads the card.
    """
    if not text.strip():
        return ""
    html = _parser().render(text)
    return format_html('<div class="prose">{}</div>', mark_safe(html))  # noqa: S308 - escaped by the renderer, html off


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
    parser.add_render_rule("link_open", _open_link)
    parser.add_render_rule("image", _link_to_picture)
    return parser


def _open_link(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    place: int,
    options: OptionsDict,
    env: EnvType,  # noqa: ARG001 - the renderer's signature
) -> str:
    tokens[place].attrSet("rel", REL)
    return renderer.renderToken(tokens, place, options, {})


def _link_to_picture(
    renderer: RendererHTML,
    tokens: Sequence[Token],
    place: int,
    options: OptionsDict,
    env: EnvType,
) -> str:
    picture = tokens[place]
    alt = renderer.renderInlineAsText(picture.children, options, env) or "picture"
    source = str(picture.attrGet("src") or "")
    return str(format_html('<a href="{}" rel="{}">[{}]</a>', source, REL, alt))
