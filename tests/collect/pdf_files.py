"""Small PDF files for tests."""

from __future__ import annotations

import io
import zlib

from pypdf import PdfReader, PdfWriter


def pdf_file(*pages: str, title: str = "") -> bytes:
    """A PDF file with one line of text on each page."""
    return pdf_of([f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode() for text in pages], title)


def pdf_of(contents: list[bytes], title: str = "") -> bytes:
    """A PDF file whose pages have these content streams."""
    count = len(contents)
    kids = " ".join(f"{4 + 2 * place} 0 R" for place in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for place, content in enumerate(contents):
        packed = zlib.compress(content)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode >>".encode()
        page = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents "
            f"{5 + 2 * place} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects += [page.encode(), head + b"\nstream\n" + packed + b"\nendstream"]
    objects.append(f"<< /Title ({title}) >>".encode())
    return assembled(objects)


def assembled(objects: list[bytes]) -> bytes:
    """A PDF file of numbered objects. The first is the catalog, the last the document's data."""
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"<< /Size %d /Root 1 0 R /Info %d 0 R >>" % (len(objects) + 1, len(objects))
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    return out + head + table + b"trailer\n" + trailer + b"\nstartxref\n%d\n%%%%EOF\n" % len(out)


def encrypted(content: bytes, password: str) -> bytes:
    """A PDF file that needs this password."""
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(content))), io.BytesIO()
    writer.encrypt(password, algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def endless_pdf() -> bytes:
    """A PDF file of about a megabyte whose pages need many minutes to read."""
    return pdf_of([b"BT /F1 12 Tf " + b"(a) Tj " * 40_000 + b"ET"] * 2_000)
