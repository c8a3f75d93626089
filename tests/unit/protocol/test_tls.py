"""What clients of a project trust, by its address."""

import ssl

from protocol.transport.tls import choose_ssl_context


def test_an_address_without_tls_trusts_nobody() -> None:
    context = choose_ssl_context("http://127.0.0.1:54321")

    assert context.get_ca_certs() == []
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_the_authorities_are_read_once() -> None:
    assert choose_ssl_context("https://a.supabase.co") is choose_ssl_context(
        "https://b.supabase.co"
    )
