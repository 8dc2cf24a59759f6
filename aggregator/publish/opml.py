"""Our own feeds as an OPML list, so that a reader subscribes to all of them in one go."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from aggregator.config.schema import Site
from aggregator.model import Node
from aggregator.publish.addresses import feed_path, page_path, public_url
from aggregator.publish.phrases import phrases
from aggregator.publish.xmltext import one_line


def opml(nodes: Sequence[Node], site: Site) -> bytes:
    """OPML 2.0 of `all` and the tree of categories. No date in it: the same tree gives the same bytes."""
    root = etree.Element("opml", version="2.0")
    title = one_line(site.title)
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    body = etree.SubElement(root, "body")
    _feed(body, phrases(site.language)["all"], "all", site)
    for node in nodes:
        _node(body, node, site)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _node(parent: etree._Element, node: Node, site: Site) -> None:
    title = one_line(node.title) or node.slug
    if node.children:
        # Importers take an outline with xmlUrl for a feed and never look inside: a category with
        # narrower ones is a folder, and its own feed the first thing in it.
        parent = etree.SubElement(parent, "outline", text=title, title=title)
    _feed(parent, title, node.slug, site)
    for child in node.children:
        _node(parent, child, site)


def _feed(parent: etree._Element, title: str, slug: str, site: Site) -> None:
    etree.SubElement(
        parent,
        "outline",
        type="rss",
        text=title,
        title=title,
        xmlUrl=public_url(site, feed_path(slug)),
        htmlUrl=public_url(site, page_path(slug)),
    )
