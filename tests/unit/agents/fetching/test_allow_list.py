"""Which URLs and addresses may be fetched."""

from ipaddress import ip_address

import pytest

from agents.fetching import AllowList, AllowListInvalid, FetchRefused

LIST = AllowList.parse(["example.com", "*.example.org", "api.example.net:8443", "10.1.0.0/16"])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/a?b=c#d", "example.com"),
        ("https://EXAMPLE.com./", "example.com"),
        ("https://example.com:443/", "example.com"),
        ("https://a.b.example.org/", "a.b.example.org"),
        ("https://api.example.net:8443/", "api.example.net"),
        ("https://10.1.2.3/", "10.1.2.3"),
    ],
)
def test_hosts_of_the_list_are_allowed(url: str, host: str) -> None:
    target = LIST.check_url(url)

    assert target.host == host
    assert "#" not in str(target.url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",  # only what is below it
        "https://badexample.org/",
        "https://example.com.evil.net/",
        "https://example.com:8443/",
        "https://api.example.net/",
        "https://example.com@evil.net/",
        "https://user:pass@example.com/",
        "https://example.com\\@evil.net/",
        "https://10.2.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://evil.net/#https://example.com",
        "https://exa%6dple.com/",
        "https://example.com%2eevil.net/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//example.com/",
        "example.com",
        "",
        "https://",
        "https:///path",
        "https://example.com:99999/",
        "https://example.com/\r\nHost: evil.net",
        "https://" + "a" * 9_000 + ".example.org/",
    ],
)
def test_everything_else_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        LIST.check_url(url)


def test_a_refusal_says_what_to_write() -> None:
    with pytest.raises(FetchRefused, match=r'\[fetch\] allow = \["evil.net:8443"\]'):
        LIST.check_url("https://evil.net:8443/")
    with pytest.raises(FetchRefused, match=r'\[fetch\] allow = \["example.com"\]'):
        AllowList().check_url("https://example.com/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1",
        "239.1.1.1", "255.255.255.255", "240.0.0.1", "198.18.0.1",
        "::", "::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "fe80::1", "fc00::1",
        "fd00:ec2::254", "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b:1::a9fe:a9fe",
        "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(FetchRefused, match="not a public address"):
        LIST.check_address(LIST.check_url("https://example.com"), ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "10.1.2.3", "64:ff9b::808:808"],
)
def test_public_and_listed_addresses_are_allowed(address: str) -> None:
    LIST.check_address(LIST.check_url("https://example.com"), ip_address(address))


def test_http_is_for_loopback_only() -> None:
    allow = AllowList.parse(["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "10.1.0.0/16"])

    for url in ("http://localhost:8000/", "http://127.0.0.1:8000/", "http://[::1]:8000/"):
        allow.check_address(allow.check_url(url), ip_address("127.0.0.1"))
    with pytest.raises(FetchRefused, match="only https"):
        allow.check_url("http://10.1.0.1/")
    with pytest.raises(FetchRefused, match="only https"):
        allow.check_address(allow.check_url("http://localhost:8000"), ip_address("10.1.0.1"))
    with pytest.raises(FetchRefused, match=r'allow = \["localhost:8001"\]'):
        allow.check_url("http://localhost:8001/")


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.com", "https://example.com", "example.com/path", "a b", "example.com:0",
     "example.com:99999", "127.1", "10.0.0.1/8", "exa*mple.com", "*.*.example.com"],
)  # fmt: skip
def test_a_wrong_entry_is_explained(entry: str) -> None:
    with pytest.raises(AllowListInvalid, match="is no host"):
        AllowList.parse([entry])
