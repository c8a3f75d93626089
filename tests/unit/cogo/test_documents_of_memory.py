"""Documents from files: what is read of PDFs, and of those that are none."""

import io

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from cogo.wiring.memory.documents import cut_document
from protocol.errors import InvalidArgument


def write_pdf(*pages: str, title: str = "", password: str | None = None) -> bytes:
    """Return a PDF with a line of text on each page."""
    writer = PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for each in pages:
        page = writer.add_blank_page(600, 800)
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 50 700 Td ({each}) Tj ET".encode())
        fonts = DictionaryObject({NameObject("/F1"): font})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        page[NameObject("/Contents")] = content
    if title:
        writer.add_metadata({"/Title": title})
    if password is not None:
        writer.encrypt(password, algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


async def test_the_text_of_a_pdf_is_cut_into_chunks_under_its_title() -> None:
    given = write_pdf("A refund is paid within 14 days.", "Trains leave at nine.", title="Rules")

    found = await cut_document(given, "rules.pdf")

    assert found.title == "Rules"
    text = " ".join(each.content for each in found.chunks)
    assert "within 14 days." in text
    assert "leave at nine." in text


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (write_pdf(""), "there is no text in it"),
        (write_pdf("secret", password="x"), "it is encrypted"),
        (b"%PDF-1.7 ...", "the PDF cannot be used"),
        (b"%PDF-1.7\n" + b"\xff\x00" * 50_000, "the PDF cannot be used"),
        (write_pdf("whole")[:-200], "cannot be used|no text"),
    ],
)
async def test_a_pdf_without_a_text_that_can_be_read_is_refused(given: bytes, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        await cut_document(given, "a.pdf")


async def test_a_pdf_that_inflates_without_end_costs_its_reader_only() -> None:
    page = "A line of text. " * 4_000
    bomb = write_pdf(*[page] * 40)
    assert len(PdfReader(io.BytesIO(bomb)).pages) == 40

    with pytest.raises(InvalidArgument, match=r"more than 2,000,000 characters|takes too long"):
        await cut_document(bomb, "bomb.pdf")
