"""The search page: one page on the loopback interface. It works without scripts and loads nothing.

Queries and texts are untrusted: the template escapes them, and the content security policy permits
only the page's own style and form.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from commands.console import line
from commands.search.placement import describe_label, describe_origin
from commands.search.searcher import Found, Searcher
from hone.errors import UNPRINTABLE, Refused, printable
from hone.loopback import HOST, Answer, open_server
from hone.present import html
from hone.present.number_format import FILTERS, truncate

HERE = Path(__file__).parent
POLICY = "default-src 'none'; style-src {style}; form-action 'self'; base-uri 'none'"
EXAMPLES = 5
CHARACTERS = 260  # of each document


def serve(
    searcher: Searcher, collection: str, min_relevance: int, top: int, query: str, port: int
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        searcher: the collection and the models.
        collection: its name.
        min_relevance: the lowest relevance grade of a positive.
        top: documents per model.
        query: the query of the printed address. Empty: none.
        port: the port.

    Raises:
        Refused: the port is in use.
    """
    page = SearchPage(searcher, collection, min_relevance, top)
    server = open_server(page.answer, port)
    fields = f"?{urlencode({'q': query})}" if query.strip() else ""
    line(f"Search page: http://{HOST}:{server.server_address[1]}/{fields}")
    line("Press Ctrl-C to stop.")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        line("stopped")
    finally:
        server.server_close()


class SearchPage:
    """The page of one collection, with its template.

    Args:
        searcher, collection, min_relevance, top: see `serve`.
    """

    def __init__(self, searcher: Searcher, collection: str, min_relevance: int, top: int) -> None:
        from tasks.report.page import render as report

        environment = html.open_templates(HERE)
        environment.filters |= FILTERS | {
            "shown": show_text,
            "origin": describe_origin,
            "label": lambda label: describe_label(label, min_relevance),
        }
        self.template = environment.get_template("page.html.jinja")
        self.style = "\n".join(
            file.read_text(encoding="utf-8").replace("\r\n", "\n")
            for file in (report.HERE / "page.css", HERE / "page.css")
        )
        self.policy = POLICY.format(style=html.hash_script(self.style))
        self.searcher, self.collection, self.top = searcher, collection, top
        self.min_relevance = min_relevance
        self.examples = searcher.known.examples(EXAMPLES)

    def answer(self, fields: dict[str, str]) -> Answer:
        """The page for the fields of its form."""
        query = UNPRINTABLE.sub("", fields.get("q", ""))
        if not query.strip():
            return self.page(query)
        try:
            return self.page(query, found=self.searcher.search(query, self.top))
        except Refused as refusal:
            return self.page(query, error=str(refusal), status=HTTPStatus.BAD_REQUEST)

    def page(
        self,
        query: str,
        found: Found | None = None,
        error: str | None = None,
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        from markupsafe import Markup

        text = self.template.render(
            query=query,
            found=found,
            error=error,
            collection=self.collection,
            models=list(self.searcher.encoders),
            documents=len(self.searcher.ids),
            examples=[(one, f"/?{urlencode({'q': one})}") for one in self.examples],
            top=self.top,
            min_relevance=self.min_relevance,
            style=Markup(self.style),
        )
        return Answer(text, self.policy, status)


def show_text(text: str) -> str:
    """The beginning of a text on one line, with control characters escaped."""
    return printable(truncate(" ".join(text.split()), CHARACTERS), lines=False)
