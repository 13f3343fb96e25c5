"""The certificate of Clary's making: who trusts it trusts nothing else, and it is kept while it fits."""

from __future__ import annotations

import ssl
import stat
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from clary.core.errors import SettingsError
from clary.core.settings import load
from clary.gateway import certificates

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def home():
    """Give a folder whose name is short enough for a home."""
    with tempfile.TemporaryDirectory(prefix="cl", dir="/tmp") as folder:
        yield Path(folder)


def settings_of(home, **flags):
    return load({"home": str(home), **flags}, {})


def prepared(home, now=NOW, **flags):
    """Return the authority and the file of the certificate, and the key, as they are after a start."""
    settings = settings_of(home, tls=True, **flags)
    certificates.prepare(settings, now)
    return settings.ca_bundle.read_bytes(), settings.tls_files[0].read_bytes()


def test_without_tls_nothing_is_made(home):
    certificates.prepare(settings_of(home), NOW)
    assert list(home.iterdir()) == []


def test_the_certificate_is_good_for_the_names_of_this_machine_and_signed_by_what_clients_trust(home):
    authority, made = map(x509.load_pem_x509_certificate, prepared(home))
    made.verify_directly_issued_by(authority)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]


def test_only_its_owner_can_read_the_key_and_nobody_has_that_of_the_authority(home):
    authority, made = prepared(home)
    assert stat.S_IMODE((home / "tls" / "server.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "tls" / "ca.pem").stat().st_mode) == 0o644
    assert b"PRIVATE" not in authority
    assert made.count(b"PRIVATE KEY-----") == 2, "one key, its begin and its end"


def test_it_is_kept_while_it_fits(home):
    assert prepared(home) == prepared(home, NOW + timedelta(days=700))


@pytest.mark.parametrize("spoilt", ["ca.pem", "server.pem"])
def test_it_is_made_anew_if_a_file_is_missing_or_of_another(home, spoilt):
    before = prepared(home / "home")
    prepared(home / "other")
    (home / "other" / "tls" / spoilt).replace(home / "home" / "tls" / spoilt)
    after = prepared(home / "home")
    assert set(before).isdisjoint(after)
    (home / "home" / "tls" / spoilt).unlink()
    assert set(after).isdisjoint(prepared(home / "home"))


def test_it_is_made_anew_before_it_ends(home):
    late = NOW + timedelta(days=certificates.VALID_DAYS - certificates.RENEWED_DAYS)
    assert set(prepared(home)).isdisjoint(prepared(home, late))


def test_a_certificate_that_is_named_is_used_and_never_touched(home):
    _, made = prepared(home / "other")
    (home / "mine.pem").write_bytes(made)
    mine = str(home / "mine.pem")
    settings = settings_of(home, tls=True, tls_cert=mine, tls_key=mine)
    certificates.prepare(settings, NOW + timedelta(days=10_000))
    assert settings.ca_bundle is None
    assert (home / "mine.pem").read_bytes() == made
    assert not (home / "tls").exists()


def test_a_certificate_without_its_key_is_refused(home):
    with pytest.raises(SettingsError, match="tls_key"):
        settings_of(home, tls_cert="cert.pem")


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_certificate_that_cannot_be_used_is_refused_by_name(home, content):
    path = home / "mine.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"tls_cert: .*mine.pem"):
        certificates.prepare(settings_of(home, tls_cert=str(path), tls_key=str(path)), NOW)


def test_a_key_of_another_certificate_is_refused(home):
    _, first = prepared(home / "a")
    _, second = prepared(home / "b")
    (home / "cert.pem").write_bytes(first)
    (home / "key.pem").write_bytes(second)
    flags = {"tls_cert": str(home / "cert.pem"), "tls_key": str(home / "key.pem")}
    with pytest.raises(SettingsError, match="cannot be used"):
        certificates.prepare(settings_of(home, **flags), NOW)


def test_python_accepts_it_under_its_strictest_rules(home):
    settings = settings_of(home, tls=True)
    certificates.prepare(settings, datetime.now(UTC))
    context = ssl.create_default_context(cafile=str(settings.ca_bundle))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert context.cert_store_stats()["x509_ca"] == 1
