"""TLS between the members of an ensemble: Castle's among themselves and beside the original's, from plaintext to TLS
without a pause, and who is not let in."""

from __future__ import annotations

import pathlib
import socket
import struct
import subprocess
from typing import Dict, List

import pytest

from ensemble import CASTLE, Ensemble, Load, Member, wait_for

JAVA = "3.9"


def openssl(directory: pathlib.Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """`NAME.pem` is a key and its certificate: `member` is for this machine, `elsewhere` for another one, and
    `stranger` for this machine, but from an authority that nobody believes."""
    at = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "other-ca"):
        openssl(at, "req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.crt", "-days", "30",
                "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")
    for name, authority, names in [
        ("member", "ca", "IP:127.0.0.1"), ("elsewhere", "ca", "DNS:elsewhere.example"), ("stranger", "other-ca", "IP:127.0.0.1"),
    ]:
        (at / f"{name}.cnf").write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl(at, "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(at, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key",
                "-CAcreateserial", "-out", f"{name}.crt", "-days", "30", "-extfile", f"{name}.cnf")
        (at / f"{name}.pem").write_text((at / f"{name}.key").read_text() + (at / f"{name}.crt").read_text())
    (at / "trust.pem").write_text((at / "ca.crt").read_text())
    return at


def secure(certificates: pathlib.Path, name: str = "member", **more: str) -> Dict[str, str]:
    return {
        "sslQuorum": "true", "ssl.quorum.keyStore.location": str(certificates / f"{name}.pem"),
        "ssl.quorum.trustStore.location": str(certificates / "trust.pem"), **more,
    }


def is_hung_up_on(port: int, said: bytes) -> bool:
    """Whether a port closes a connection that says this, without an answer that is not TLS."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.settimeout(30)
        try:
            connection.sendall(said)
            answer = connection.recv(1 << 16)
            # An alert of TLS says why.
            return not answer or answer[0] == 0x15
        except ConnectionResetError:
            return True


def greeting(member: Member) -> bytes:
    address = f"127.0.0.1:{member.election_port}".encode()
    return struct.pack(">qqi", -65536, 99, len(address)) + address


@pytest.mark.parametrize("lines", [[CASTLE] * 3, [CASTLE, JAVA, CASTLE], [JAVA, CASTLE, JAVA]], ids="-".join)
def test_members_over_tls_survive_each_leader(tmp_path, certificates, lines: List[str]) -> None:
    with Ensemble(lines, tmp_path, settings=secure(certificates)) as ensemble:
        plain = greeting(ensemble[2])
        for member in ensemble.members:
            assert is_hung_up_on(member.election_port, plain), f"{member.line} takes a plain greeting"
        with Load(ensemble.hosts) as load:
            for _ in range(2):
                leader = ensemble.leader()
                leader.kill()
                load.wait_acknowledged(30)
                leader.start()
                ensemble.wait_serving()
            # One with nothing on its disk is filled with a snapshot.
            blank = next(it for it in ensemble.members if it is not ensemble.leader())
            blank.kill()
            for file in (blank.data / "version-2").iterdir():
                file.unlink()
            load.wait_acknowledged(30)
            blank.start()
            ensemble.wait_serving()
            load.wait_acknowledged(30)
        load.assert_kept(blank)
        ensemble.assert_equal()


@pytest.mark.parametrize("lines", [[CASTLE, CASTLE, JAVA]], ids="-".join)
def test_an_ensemble_goes_over_to_tls_member_by_member(tmp_path, certificates, lines: List[str]) -> None:
    """As ZooKeeper's administrator's guide says: first take both, then dial with TLS, then take nothing else."""
    both = {**secure(certificates), "sslQuorum": "false", "portUnification": "true"}
    with Ensemble(lines, tmp_path) as ensemble:
        with Load(ensemble.hosts) as load:
            for step in (both, {**both, "sslQuorum": "true"}, {**secure(certificates), "portUnification": "false"}):
                for member in ensemble.members:
                    member.kill()
                    member.settings.update(step)
                    member.start()
                    ensemble.wait_serving()
                    load.wait_acknowledged(10)
        load.assert_kept(ensemble[1])
        ensemble.assert_equal()
        for member in ensemble.members:
            assert is_hung_up_on(member.election_port, greeting(ensemble[2])), f"{member.line} takes a plain greeting"


@pytest.mark.parametrize("name, why", [("stranger", "UnknownIssuer"), ("elsewhere", "its certificate is for none of 127.0.0.1")])
def test_who_is_not_believed_is_not_let_in(tmp_path, certificates, name: str, why: str) -> None:
    ensemble = Ensemble([CASTLE] * 3, tmp_path, settings=secure(certificates))
    # It believes everybody itself: the others refuse it.
    ensemble[3].settings.update(secure(certificates, name, **{"ssl.quorum.hostnameVerification": "false"}))
    try:
        for member in ensemble.members[:2]:
            member.start()
        ensemble.wait_serving()
        ensemble[3].start()
        wait_for("somebody refuses it", lambda: any(
            why in member.log.read_text(errors="replace") for member in ensemble.members[:2]))
        with Load(f"127.0.0.1:{ensemble[1].port},127.0.0.1:{ensemble[2].port}") as load:
            load.wait_acknowledged(50)
        assert ensemble[3].mode() == "", "it serves nobody"
    finally:
        ensemble.__exit__()


def test_new_certificates_are_taken_without_a_restart(tmp_path, certificates) -> None:
    trust = tmp_path / "trust.pem"
    trust.write_text((certificates / "ca.crt").read_text())
    changing = {"ssl.quorum.trustStore.location": str(trust), "sslQuorumReloadCertFiles": "true"}
    ensemble = Ensemble([CASTLE] * 3, tmp_path, settings={**secure(certificates), **changing})
    ensemble[3].settings["ssl.quorum.keyStore.location"] = str(certificates / "stranger.pem")
    try:
        for member in ensemble.members[:2]:
            member.start()
        ensemble.wait_serving()
        ensemble[3].start()
        wait_for("somebody refuses it", lambda: any(
            "UnknownIssuer" in member.log.read_text(errors="replace") for member in ensemble.members[:2]))
        # In one step, as files should be replaced.
        new = tmp_path / "new.pem"
        new.write_text((certificates / "ca.crt").read_text() + (certificates / "other-ca.crt").read_text())
        new.rename(trust)
        ensemble.wait_serving()
        ensemble.assert_equal()
    finally:
        ensemble.__exit__()


def test_what_is_no_tls_harms_nobody(tmp_path, certificates) -> None:
    with Ensemble([CASTLE] * 3, tmp_path, settings=secure(certificates)) as ensemble:
        with Load(ensemble.hosts) as load:
            for member in ensemble.members:
                for port in (member.election_port, member.quorum_port):
                    for said in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x16\x03\x01\x00\x05hello"):
                        assert is_hung_up_on(port, said), f"{said!r}"
            # Many that begin a handshake and never go on.
            stalled = [socket.create_connection(("127.0.0.1", ensemble.leader().quorum_port), 10) for _ in range(100)]
            for connection in stalled:
                connection.sendall(b"\x16\x03\x01")
            away = next(it for it in ensemble.members if it is not ensemble.leader())
            away.kill()
            away.start()
            ensemble.wait_serving()
            load.wait_acknowledged(50)
            for connection in stalled:
                connection.close()
        load.assert_kept(away)


def jaas(directory: pathlib.Path, password: str = "secret") -> pathlib.Path:
    """Who may dial a member, and who a member is when it dials."""
    file = directory / f"{password}.jaas"
    module = "org.apache.zookeeper.server.auth.DigestLoginModule"
    file.write_text(f'QuorumServer {{ {module} required user_member="secret"; }};\n'
                    f'QuorumLearner {{ {module} required username="member" password="{password}"; }};\n')
    return file


def proving(ensemble: Ensemble, file: pathlib.Path) -> None:
    """Gives the file to all members, in the way that each kind takes it."""
    for member in ensemble.members:
        if member.line == CASTLE:
            member.settings["java.security.auth.login.config"] = str(file)
        else:
            member.flags = [f"-Djava.security.auth.login.config={file}", "-Dzookeeper.fips-mode=false"]


SASL = {f"quorum.auth.{key}": "true" for key in ("enableSasl", "learnerRequireSasl", "serverRequireSasl")}


@pytest.mark.parametrize("lines, over_tls", [
    ([CASTLE] * 3, True), ([CASTLE, JAVA, CASTLE], False), ([JAVA, CASTLE, JAVA], True),
], ids=lambda value: "-".join(value) if isinstance(value, list) else ("tls" if value else "plain"))
def test_members_prove_who_they_are(tmp_path, certificates, lines: List[str], over_tls: bool) -> None:
    ensemble = Ensemble(lines, tmp_path, settings={**SASL, **(secure(certificates) if over_tls else {})})
    proving(ensemble, jaas(tmp_path))
    with ensemble, Load(ensemble.hosts) as load:
        for _ in range(2):
            leader = ensemble.leader()
            leader.kill()
            load.wait_acknowledged(30)
            leader.start()
            ensemble.wait_serving()
        load.wait_acknowledged(30)
        load.end()
        load.assert_kept(leader)
        ensemble.assert_equal()


def test_an_ensemble_goes_over_to_sasl_member_by_member(tmp_path) -> None:
    """As ZooKeeper's pages say: first all can be asked, then all prove, then all demand it."""
    ensemble = Ensemble([CASTLE, JAVA, CASTLE], tmp_path)
    with ensemble:
        proving(ensemble, jaas(tmp_path))
        with Load(ensemble.hosts) as load:
            for key in SASL:
                for member in ensemble.members:
                    member.kill()
                    member.settings[key] = "true"
                    member.start()
                    ensemble.wait_serving()
                    load.wait_acknowledged(10)
        load.assert_kept(ensemble[1])
        ensemble.assert_equal()


@pytest.mark.parametrize("settings, password, why", [
    (SASL, "wrong", 'the password of \\"member\\" is wrong'),
    ({}, "secret", "it does not prove who it is by SASL, which quorum.auth.serverRequireSasl demands"),
], ids=["wrong", "silent"])
def test_who_proves_nothing_is_not_let_in(tmp_path, settings: Dict[str, str], password: str, why: str) -> None:
    ensemble = Ensemble([CASTLE] * 3, tmp_path, settings=SASL)
    proving(ensemble, jaas(tmp_path))
    for key in SASL:
        ensemble[3].settings.pop(key)
    ensemble[3].settings.update({**settings, "java.security.auth.login.config": str(jaas(tmp_path, password))})
    try:
        for member in ensemble.members[:2]:
            member.start()
        ensemble.wait_serving()
        ensemble[3].start()
        wait_for("somebody refuses it", lambda: any(
            why in member.log.read_text(errors="replace") or why.replace("\\", "") in member.log.read_text(errors="replace")
            for member in ensemble.members[:2]))
        with Load(f"127.0.0.1:{ensemble[1].port},127.0.0.1:{ensemble[2].port}") as load:
            load.wait_acknowledged(50)
        assert ensemble[3].mode() == "", "it serves nobody"
    finally:
        ensemble.__exit__()
