"""A self-signed certificate: a phone on the same network gets a secure page, and with it the camera."""

from __future__ import annotations

import ipaddress
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 90


def lan_address() -> str | None:
    """This machine's address on the local network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1, RFC 5737: only a route is looked up
        except OSError:
            return None
        return str(probe.getsockname()[0])


def self_signed(directory: Path) -> tuple[Path, Path]:
    """Certificate and key (PEM) for localhost, this host's name and address; made anew when near its end."""
    cert_path, key_path = directory / "self-signed.crt", directory / "self-signed.key"
    now = datetime.now(UTC)
    if cert_path.exists() and key_path.exists():
        known = x509.load_pem_x509_certificate(cert_path.read_bytes())
        if known.not_valid_after_utc - now > timedelta(days=7) and _names_address(known):
            return cert_path, key_path
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "exam-service")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(key_path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return cert_path, key_path


def _names() -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.DNSName(socket.gethostname()),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    if address := lan_address():
        names.append(x509.IPAddress(ipaddress.ip_address(address)))
    return names


def _names_address(certificate: x509.Certificate) -> bool:
    known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return all(name in known for name in _names())
