from __future__ import annotations

from pathlib import Path

from cryptography import x509

from clary.store.notary import Notary
from clary.store.sealing import Sealer


def test_two_processes_sign_with_the_same_key_which_only_the_root_key_opens(tmp_path: Path) -> None:
    sealer = Sealer.at(tmp_path / "root.key")
    first, second = (Notary(tmp_path / "sns.json", sealer, lambda: 1_800_000_000.0) for _ in range(2))
    assert first.sign("text", "1") == second.sign("text", "1") != first.sign("text", "2")
    assert (first.name, first.certificate) == (second.name, second.certificate)
    assert (tmp_path / "sns.json").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (tmp_path / "sns.json").read_bytes()


def test_the_certificate_holds_for_years_and_is_named_by_its_digest(tmp_path: Path) -> None:
    notary = Notary(tmp_path / "sns.json", Sealer.at(tmp_path / "root.key"), lambda: 1_800_000_000.0)
    certificate = x509.load_pem_x509_certificate(notary.certificate)
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days > 3650
    assert notary.name.startswith("SimpleNotificationService-")
    assert notary.name.endswith(".pem")
