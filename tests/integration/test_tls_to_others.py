"""TLS to other servers as the configuration of a running server has it."""

from __future__ import annotations

import datetime
import json
import smtplib
import ssl
import time
from pathlib import Path
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mailsuite.routing.sts_policies import Kept
from mailsuite.testing.dns import DNSServer
from mailsuite.testing.instance import Instance, running
from mailsuite.testing.peer import EXTENSIONS, ScriptedPeer

ZONE = {
    "asks.test": {"MX": ["10 mx.asks.test"]},
    "bank.test": {"MX": ["10 mx.bank.test"]},
    "mx.asks.test": {"A": ["127.0.0.1"]},
    "mx.bank.test": {"A": ["127.0.0.1"]},
}
POLICY = "version: STSv1\nmode: enforce\nmx: mx.bank.test\nmax_age: 86400\n"


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """One for clients, signed by itself, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(today - day).not_valid_after(today + day)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ours, private = folder / "ours.pem", folder / "ours.key"
    ours.write_bytes(certificate.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    private.touch(0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ours, private


def test_our_certificate_is_shown_and_a_policy_that_was_kept_is_held_to(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "i")
    certificate, key = write_certificate(tmp_path)
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    asking.load_cert_chain(instance.folder / "certificate.pem", instance.folder / "key.pem")
    asking.load_verify_locations(certificate)
    asking.verify_mode = ssl.CERT_REQUIRED
    (instance.folder / "mta-sts").mkdir()
    kept = Kept("bank.test", "1", time.time(), POLICY)
    (instance.folder / "mta-sts" / "bank.test").write_bytes(msgspec.json.encode(kept))
    instance.set("relay", "client_certificate", json.dumps(str(certificate)))
    instance.set("relay", "client_key", json.dumps(str(key)))
    peer = ScriptedPeer(extensions=(*EXTENSIONS, "STARTTLS"))
    with peer.serve(tls=asking) as port, DNSServer(ZONE) as dns:
        instance.route_by(dns.port, port)
        with running(instance):
            with smtplib.SMTP("127.0.0.1", instance.ports["smtp"], timeout=20) as client:
                client.sendmail("al@a.test", ["bob@asks.test", "eve@bank.test"], b"Subject: x\r\n\r\ny\r\n")

            def waiting() -> list[dict[str, Any]]:
                listed = json.loads(instance.command("queue", "list", "--json").stdout)
                return [entry for message in listed for entry in message["recipients"]]

            def is_over() -> bool:
                return len(waiting()) == 1 and all(entry["attempts"] for entry in waiting())

            instance.wait_until(is_over, 20, "an attempt at each")
            (eve,) = waiting()
    assert [message.recipients for message in peer.messages] == [("<bob@asks.test>",)]
    (took,) = [session for session in peer.sessions if any(line.startswith("MAIL") for line in session.lines)]
    assert took.secure
    assert (eve["address"], eve["last_status"]) == ("eve@bank.test", "4.7.5")
