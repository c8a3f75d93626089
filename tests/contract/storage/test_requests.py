"""Requests to Storage that no official client makes."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest
from supabase import AsyncClient

from tests.support.servers.contract_target import Target

PNG: Final = {"Content-Type": "image/png"}
HOSTILE_NAMES: Final = (
    "..%2F..%2Fstate.json", "a%2F..%2Fb", "a%2F.", "a%00b", "%ED%A0%80", "a" * 1025,
)  # fmt: skip
WRONG_BODIES: Final[list[tuple[str, str, object]]] = [
    ("POST", "/bucket", {"name": "a/b"}),
    ("POST", "/bucket", {"name": 1}),
    ("POST", "/bucket", {"name": "x", "public": "yes"}),
    ("POST", "/bucket", {"name": "x", "file_size_limit": "much"}),
    ("POST", "/bucket", {"name": "x", "allowed_mime_types": "image/png"}),
    ("POST", "/bucket", []),
    ("POST", "/object/list/BUCKET", {"prefix": "\ud800"}),
    ("POST", "/object/list/BUCKET", {"limit": -1}),
    ("POST", "/object/list/BUCKET", {"sortBy": {"column": "1; drop table x"}}),
    ("DELETE", "/object/BUCKET", {"prefixes": "all"}),
    ("DELETE", "/object/BUCKET", {"prefixes": ["\ud800"]}),
    ("POST", "/object/sign/BUCKET/a.png", {"expiresIn": "soon"}),
    ("POST", "/object/sign/BUCKET/a.png", {"expiresIn": 10**30}),
    ("POST", "/object/sign/BUCKET", {"paths": {}}),
]


@pytest.fixture
def only_embedded(contract_target: Target) -> None:
    if not contract_target.is_embedded:
        pytest.skip("of the embedded server alone")


@pytest.mark.usefixtures("only_embedded")
async def test_no_name_leads_elsewhere(http: httpx.AsyncClient, bucket: str) -> None:
    for name in HOSTILE_NAMES:
        url = f"/object/{bucket}/{name}"
        for answer in (
            await http.post(url, content=b"x", headers=PNG),
            await http.get(url),
            await http.post(f"/object/sign/{bucket}/{name}", json={"expiresIn": 60}),
        ):
            assert answer.status_code == 400, name
            assert answer.json()["error"] in {"InvalidKey", "InvalidParameter"}, name


async def test_a_content_comes_in_parts_and_by_head(http: httpx.AsyncClient, bucket: str) -> None:
    url = f"/object/{bucket}/digits.txt"
    metadata = base64.b64encode(b'{"by": "me"}').decode()
    headers = {"Content-Type": "text/plain", "X-Metadata": metadata, "Cache-Control": "max-age=60"}
    assert (await http.post(url, content=b"0123456789", headers=headers)).status_code == 200

    part = await http.get(url, headers={"Range": "bytes=2-4"})
    head = await http.head(url)
    info = (await http.get(f"/object/info/{bucket}/digits.txt")).json()

    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == "10"
    assert (info["metadata"], info["cache_control"]) == ({"by": "me"}, "max-age=60")


@pytest.mark.usefixtures("only_embedded")
async def test_what_is_uploaded_runs_nothing_in_the_name_of_the_server(
    http: httpx.AsyncClient, bucket: str
) -> None:
    svg = {"Content-Type": "image/svg+xml"}
    await http.post(f"/object/{bucket}/a.svg", content=b"<svg onload='f()'/>", headers=svg)

    answer = await http.get(f"/object/{bucket}/a.svg")

    assert answer.headers["content-security-policy"] == "sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_what_no_header_can_hold_is_left_out(
    http: httpx.AsyncClient, bucket: str, service: AsyncClient
) -> None:
    await service.storage.update_bucket(bucket, {"allowed_mime_types": []})
    form = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n'
        b"Content-Type: image/png\x01\x7f; x=\xff\r\n\r\nhello\r\n--b--\r\n"
    )
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    await http.post(f"/object/{bucket}/a.png", content=form, headers=kind)

    answer = await http.get(f"/object/{bucket}/a.png", params={"download": 'a\r\nX: y".png'})

    assert answer.content == b"hello"
    assert answer.headers["content-type"] == "image/png; x="
    assert "x" not in answer.headers


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(
    http: httpx.AsyncClient, bucket: str
) -> None:
    async def pour(first: bytes = b"") -> AsyncIterator[bytes]:
        yield first
        for _ in range(40):
            yield bytes(65_536)

    form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    for first, kind in ((b"", "image/png"), (form, "multipart/form-data; boundary=b")):
        answer = await http.post(
            f"/object/{bucket}/big.png", content=pour(first), headers={"Content-Type": kind}
        )
        assert answer.json()["statusCode"] == "413"


async def test_a_signature_is_for_one_path_and_is_no_token(
    http: httpx.AsyncClient, alice: AsyncClient, bucket: str, contract_target: Target
) -> None:
    for name in ("a.png", "b.png"):
        await http.post(f"/object/{bucket}/{name}", content=b"x", headers=PNG)
    signed = await http.post(f"/object/sign/{bucket}/a.png", json={"expiresIn": 60})
    token = signed.json()["signedURL"].partition("?token=")[2]
    session = await alice.auth.get_session()
    assert session

    other = await http.get(f"/object/sign/{bucket}/b.png", params={"token": token})
    by_session = {"token": session.access_token}
    forged = await http.get(f"/object/sign/{bucket}/a.png", params=by_session)
    async with httpx.AsyncClient(base_url=contract_target.url) as anonymous:
        headers = {"apikey": contract_target.publishable_key, "Authorization": f"Bearer {token}"}
        as_token = await anonymous.get(f"/storage/v1/object/{bucket}/a.png", headers=headers)
        nobody = await anonymous.get(f"/storage/v1/object/{bucket}/a.png")

    assert [each.status_code for each in (other, forged, as_token, nobody)] == [400] * 4
    assert other.json()["error"] == "InvalidSignature"
    assert forged.json()["error"] == "InvalidJWT"


@pytest.mark.usefixtures("only_embedded")
async def test_wrong_bodies_are_refused(http: httpx.AsyncClient, bucket: str) -> None:
    for method, path, body in WRONG_BODIES:
        answer = await http.request(
            method,
            path.replace("BUCKET", bucket),
            content=json.dumps(body),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 400, (path, body)
        assert answer.json()["statusCode"] == "400", (path, body)
        assert set(answer.json()) == {"statusCode", "error", "code", "message"}


@pytest.mark.usefixtures("only_embedded")
async def test_what_is_not_offered_names_the_alternative(
    http: httpx.AsyncClient, bucket: str
) -> None:
    for method, path in (
        ("POST", f"/object/upload/sign/{bucket}/a.png"),
        ("POST", f"/object/list-v2/{bucket}"),
        ("POST", "/object/move"),
        ("POST", "/upload/resumable"),
        ("GET", f"/render/image/public/{bucket}/a.png"),
    ):
        answer = await http.request(method, path)
        assert answer.status_code == 501, path
        assert "supabase start" in answer.json()["message"]
