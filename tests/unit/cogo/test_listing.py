"""Lists are read to the end, whatever the page size."""

import pytest

from cogo.cli.listing import read_pages


@pytest.mark.parametrize("most", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    ("limit", "every", "expected"),
    [
        (6, False, ([0, 1, 2, 3, 4, 5], True)),
        (7, False, ([0, 1, 2, 3, 4, 5, 6], False)),
        (20, False, ([0, 1, 2, 3, 4, 5, 6], False)),
        (1, True, ([0, 1, 2, 3, 4, 5, 6], False)),
    ],
)
async def test_pages_are_read_to_the_limit_or_the_end_and_more_is_known(
    most: int, limit: int, every: bool, expected: tuple[list[int], bool]
) -> None:
    async def read(count: int, last: int | None) -> list[int]:
        begin = 0 if last is None else last + 1
        return list(range(7))[begin : begin + min(count, most)]

    assert await read_pages(read, limit=limit, every=every, as_json=True) == expected
