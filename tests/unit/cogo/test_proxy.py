import httpx
import pytest

from cogo.settings import keep_loopback_direct


def test_a_proxy_never_stands_between_this_machine_and_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)

    keep_loopback_direct()

    with httpx.Client() as client:
        direct = client._transport_for_url(httpx.URL("http://127.0.0.1:54321"))
        proxied = client._transport_for_url(httpx.URL("http://elsewhere.example"))
    assert direct is client._transport
    assert proxied is not client._transport
