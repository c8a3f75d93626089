"""CSV to dictionaries."""

import csv
import io


def parse_csv(text: str, *, delimiter: str = ",") -> list[dict[str, str]]:
    """Parse CSV text whose first line is a header into one dictionary per row.

    Quoted fields may hold delimiters and line breaks. Blank lines are skipped. Raises ValueError
    with the line number when a row has more or fewer fields than the header, or when the header
    names a column twice.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = [name.strip() for name in next(reader, [])]
    if len(set(header)) != len(header):
        raise ValueError(f"a column is named twice: {header}")
    rows = []
    for fields in reader:
        if not fields:
            continue
        if len(fields) != len(header):
            raise ValueError(
                f"line {reader.line_num}: expected {len(header)} fields, found {len(fields)}"
            )
        rows.append(dict(zip(header, fields, strict=True)))
    return rows
