"""TLS and logins of the keeper: its own `zoo.cfg`, clients in three languages, and bad input of every kind."""

import contextlib
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import time

import pytest
from kazoo.client import KazooClient
from kazoo.exceptions import AuthFailedError, NoAuthError, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.security import make_acl

import ports
from castle import BINARY, READY_SECONDS, STOP_SECONDS

PASSWORD = "secret"
CONNECT = struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, b"\0" * 16, False)
JAAS = """Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_bob="bobs word"
    user_root="roots";
};
"""


class Keeper:
    """`castle keeper` on a zoo.cfg."""

    def __init__(self, directory: pathlib.Path, lines: str) -> None:
        self.directory = directory
        self.log = directory / "castle.log"
        self.port, self.secure = free_ports(2)
        self.config = directory / "zoo.cfg"
        self.config.write_text(
            f"dataDir={directory}/data\nclientPort={self.port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
            f"4lw.commands.whitelist=*\n{lines.replace('SECURE', str(self.secure))}")
        self.process = None

    def __enter__(self):
        ready = self.directory / "ready.json"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "keeper", str(self.config), "--ready-file", str(ready)], stdout=log, stderr=log)
        deadline = time.monotonic() + READY_SECONDS
        while not ready.exists():
            assert self.process.poll() is None, f"it ended:\n{self.text()}"
            assert time.monotonic() < deadline, f"not in time: it is not ready:\n{self.text()}"
            time.sleep(0.002)
        return self

    def __exit__(self, *_):
        assert self.process.poll() is None, f"it died:\n{self.text()}"
        self.process.terminate()
        self.process.wait(STOP_SECONDS)

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def says(self, what: str) -> None:
        deadline = time.monotonic() + 20
        while what not in self.text():
            assert time.monotonic() < deadline, f"not in time: the log does not say {what!r}:\n{self.text()}"
            time.sleep(0.01)

    @contextlib.contextmanager
    def client(self, secure: bool = False, **options):
        port = self.secure if secure else self.port
        zk = KazooClient(f"127.0.0.1:{port}", **options)
        try:
            zk.start(timeout=20)
            yield zk
        finally:
            zk.stop()
            zk.close()

    def serves_others(self) -> None:
        with self.client() as zk:
            assert zk.exists("/zookeeper")


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        ports.bind(probe)
    found = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return found


def run(*command, directory):
    subprocess.run([str(part) for part in command], cwd=directory, check=True, capture_output=True)


class Certificates:
    """An authority, a server, a client, another client that is out of date, and a stranger."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Authority", directory=directory)
        self.issue("server", "/O=Castle/CN=server")
        self.issue("client", "/O=Castle, Inc/CN=client")
        self.issue("root", "/CN=root")
        self.issue("expired", "/CN=expired", "-not_before", "20200101000000Z", "-not_after", "20210101000000Z")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            "stranger.key", "-out", "stranger.pem", "-days", "30", "-subj", "/CN=stranger", directory=directory)

    def issue(self, name: str, subject: str, *dates: str) -> None:
        (self.directory / "san.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        run("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
            f"{name}.key", "-out", f"{name}.csr", "-subj", subject, directory=self.directory)
        validity = dates or ("-days", "30")
        if dates:
            # `openssl x509` of 3.0 cannot date back; `openssl ca` can.
            (self.directory / "index.txt").write_text("")
            (self.directory / "serial").write_text("77\n")
            (self.directory / "ca.cnf").write_text(
                "[e]\nbasicConstraints=CA:FALSE\n[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index.txt\nserial=serial\ndefault_md=sha256\nx509_extensions=e\n"
                "policy=p\nunique_subject=no\n[p]\ncommonName=supplied\n")
            run("openssl", "ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in",
                f"{name}.csr", "-out", f"{name}.pem", "-notext", "-startdate", dates[1], "-enddate", dates[3],
                directory=self.directory)
        else:
            run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.pem", *validity, "-extfile", "san.ext", directory=self.directory)
        both = (self.directory / f"{name}.key").read_text() + (self.directory / f"{name}.pem").read_text()
        (self.directory / f"{name}.both.pem").write_text(both)

    def kazoo(self, name: str):
        return dict(use_ssl=True, ca=str(self.directory / "ca.pem"), certfile=str(self.directory / f"{name}.pem"),
                    keyfile=str(self.directory / f"{name}.key"))

    def context(self, name=None):
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        if name:
            context.load_cert_chain(self.directory / f"{name}.pem", self.directory / f"{name}.key")
        return context


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def tls_lines(certificates, more=""):
    at = certificates.directory
    return (f"secureClientPort=SECURE\nssl.keyStore.location={at}/server.both.pem\n"
            f"ssl.trustStore.location={at}/ca.pem\nX509AuthenticationProvider.superUser=CN=root\n{more}")


@pytest.fixture(scope="module")
def secure(certificates, tmp_path_factory):
    with Keeper(tmp_path_factory.mktemp("secure"), tls_lines(certificates)) as keeper:
        yield keeper


def refused(keeper, certificates, name):
    """Whether a handshake with this certificate comes to nothing."""
    with socket.create_connection(("127.0.0.1", keeper.secure), timeout=20) as plain:
        try:
            with certificates.context(name).wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(struct.pack(">i", len(CONNECT)) + CONNECT)
                return secured.recv(64) == b""
        except (ssl.SSLError, ConnectionError):
            return True


def test_a_certificate_is_an_identity(secure, certificates, name):
    with secure.client(secure=True, **certificates.kazoo("client")) as zk:
        acl = make_acl("x509", "CN=client,O=Castle\\, Inc", all=True)
        zk.create(f"/{name}", b"mine", acl=[acl])
        assert zk.get(f"/{name}")[0] == b"mine"
    with secure.client() as zk, pytest.raises(NoAuthError):
        zk.get(f"/{name}")
    with secure.client(secure=True, **certificates.kazoo("root")) as zk:
        assert zk.get(f"/{name}")[0] == b"mine"


def test_large_values_and_events_pass_through_tls(secure, certificates, name):
    value = bytes(range(256)) * 4000
    with secure.client(secure=True, **certificates.kazoo("client")) as zk:
        seen = []
        zk.create(f"/{name}", value)
        zk.get(f"/{name}", watch=seen.append)
        zk.set(f"/{name}", value[::-1])
        assert zk.get(f"/{name}")[0] == value[::-1]
        assert [event.type for event in seen] == ["CHANGED"]
        results = [zk.get_async(f"/{name}") for _ in range(50)]
        assert all(result.get(30)[0] == value[::-1] for result in results)


def test_who_cannot_prove_who_he_is_is_refused_in_one_line(secure, certificates):
    for who, why in [("stranger", "invalid peer certificate"), ("expired", "xpired"), (None, "no certificates")]:
        before = secure.text().count("TLS failed")
        assert refused(secure, certificates, who), who
        secure.says(why)
        assert secure.text().count("TLS failed") == before + 1
    secure.serves_others()


def test_garbage_on_the_secure_port_harms_nobody(secure, certificates):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for garbage in [b"", b"ruok", b"\0" * 4, struct.pack(">i", len(CONNECT)) + CONNECT, b"GET / HTTP/1.0\r\n\r\n",
                    hello, hello + b"\xff" * 600, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"\x15\x03\x01\0\2\2\0"]:
        with socket.create_connection(("127.0.0.1", secure.secure), timeout=20) as peer:
            with contextlib.suppress(OSError):
                peer.sendall(garbage)
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(4096):
                    pass
    secure.says("it does not speak TLS")
    secure.says("it left in the middle of the handshake")
    with secure.client(secure=True, **certificates.kazoo("client")) as zk:
        assert zk.exists("/zookeeper")


def test_tls_on_the_plain_port_is_told(secure, certificates):
    with socket.create_connection(("127.0.0.1", secure.port), timeout=20) as plain, pytest.raises((ssl.SSLError, OSError)):
        certificates.context("client").wrap_socket(plain, server_hostname="localhost")
    secure.says("it speaks TLS to a port without")


def test_half_handshakes_hold_nobody_up(secure, certificates):
    idle = [socket.create_connection(("127.0.0.1", secure.secure), timeout=30) for _ in range(40)]
    for peer in idle[::2]:
        peer.sendall(b"\x16\x03\x01\x02\x00\x01")
    with secure.client(secure=True, **certificates.kazoo("client")) as zk:
        began = time.monotonic()
        assert zk.exists("/zookeeper")
        assert time.monotonic() - began < 5
    for peer in idle:
        with contextlib.suppress(ConnectionError):
            while peer.recv(64):
                pass
        peer.close()


def test_four_letter_words_and_old_tls(secure, certificates):
    context = certificates.context("client")
    for version in [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]:
        context.maximum_version = version
        with socket.create_connection(("127.0.0.1", secure.secure), timeout=20) as plain:
            with context.wrap_socket(plain, server_hostname="localhost") as secured:
                secured.sendall(b"ruok")
                assert secured.recv(64) == b"imok"


def test_one_port_may_take_both(certificates, tmp_path):
    at = certificates.directory
    lines = (f"client.portUnification=true\nssl.clientAuth=none\nssl.keyStore.location={at}/server.both.pem\n")
    with Keeper(tmp_path, lines) as keeper:
        with keeper.client() as zk:
            zk.create("/plain", b"1")
        with keeper.client(use_ssl=True, ca=str(at / "ca.pem")) as zk:
            assert zk.get("/plain")[0] == b"1"
        for word in (b"ruok",):
            with socket.create_connection(("127.0.0.1", keeper.port), timeout=20) as plain:
                plain.sendall(word)
                assert plain.recv(64) == b"imok"


def test_new_certificates_without_a_restart(certificates, tmp_path):
    at = certificates.directory
    mine = tmp_path / "mine.pem"
    shutil.copy(at / "server.both.pem", mine)
    lines = tls_lines(certificates, f"client.certReload=true\nssl.keyStore.location={mine}\n")

    def subject():
        with socket.create_connection(("127.0.0.1", keeper.secure), timeout=20) as plain:
            with certificates.context("client").wrap_socket(plain, server_hostname="localhost") as secured:
                return dict(pair[0] for pair in secured.getpeercert()["subject"])["commonName"]

    (tmp_path / "keeper").mkdir()
    with Keeper(tmp_path / "keeper", lines) as keeper:
        assert subject() == "server"
        mine.write_text("half of it")
        keeper.says("the old ones stay in use")
        assert subject() == "server"
        shutil.copy(at / "client.both.pem", mine)
        keeper.says("new certificates are in use")
        assert subject() == "client"


def test_stores_of_java(certificates, tmp_path):
    at = certificates.directory
    run("openssl", "pkcs12", "-export", "-inkey", "server.key", "-in", "server.pem", "-passout", f"pass:{PASSWORD}",
        "-name", "server", "-out", tmp_path / "server.p12", directory=at)
    for kind in ("JKS", "PKCS12"):
        work = tmp_path / kind
        work.mkdir()
        run("keytool", "-importkeystore", "-srckeystore", tmp_path / "server.p12", "-srcstorepass", PASSWORD,
            "-destkeystore", "key.store", "-deststoretype", kind, "-deststorepass", PASSWORD, directory=work)
        run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", at / "ca.pem", "-keystore", "trust.store",
            "-storetype", kind, "-storepass", PASSWORD, directory=work)
        (work / "password").write_text(PASSWORD + "\n")
        lines = (f"secureClientPort=SECURE\nssl.keyStore.location={work}/key.store\n"
                 f"ssl.keyStore.passwordPath={work}/password\nssl.trustStore.location={work}/trust.store\n"
                 f"ssl.trustStore.password={PASSWORD}\nssl.trustStore.type={kind}\n")
        with Keeper(work, lines) as keeper, keeper.client(secure=True, **certificates.kazoo("client")) as zk:
            assert zk.exists("/zookeeper")


def test_a_wrong_password_of_a_store_is_told_at_the_start(certificates, tmp_path):
    at = certificates.directory
    run("openssl", "pkcs12", "-export", "-inkey", "server.key", "-in", "server.pem", "-passout", f"pass:{PASSWORD}",
        "-out", tmp_path / "server.p12", directory=at)
    config = tmp_path / "zoo.cfg"
    config.write_text(f"dataDir={tmp_path}/data\nsecureClientPort=0\nadmin.enableServer=false\nssl.clientAuth=none\n"
                      f"ssl.keyStore.location={tmp_path}/server.p12\nssl.keyStore.password=wrong\n")
    ended = subprocess.run([str(BINARY), "keeper", str(config)], capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0 and "server.p12: the password is wrong" in ended.stderr + ended.stdout


@pytest.fixture(scope="module")
def logins(tmp_path_factory):
    directory = tmp_path_factory.mktemp("logins")
    (directory / "jaas.conf").write_text(JAAS)
    lines = (f"authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\nsuperUser=root\n"
             f"java.security.auth.login.config={directory}/jaas.conf\n")
    with Keeper(directory, lines) as keeper:
        yield keeper


def sasl(user, password):
    return dict(sasl_options={"mechanism": "DIGEST-MD5", "username": user, "password": password})


def test_users_log_in_by_digest_md5(logins, name):
    with logins.client(**sasl("bob", "bobs word")) as zk:
        zk.create(f"/{name}", b"mine", acl=[make_acl("sasl", "bob", all=True)])
        assert zk.get(f"/{name}")[0] == b"mine"
    with logins.client() as zk, pytest.raises(NoAuthError):
        zk.get(f"/{name}")
    with logins.client(**sasl("root", "roots")) as zk:
        assert zk.get(f"/{name}")[0] == b"mine"


def test_wrong_passwords_are_refused_in_one_line(logins):
    for user, password, why in [("bob", "wrong", 'the password of \\"bob\\" is wrong'), ("eve", "x", "there is no user")]:
        # kazoo tells its caller only if the session stood before the refusal came; else it waits in vain.
        with pytest.raises((AuthFailedError, KazooTimeoutError)):
            with logins.client(**sasl(user, password)) as zk:
                zk.exists("/")
        assert why in logins.text() or why.replace("\\", "") in logins.text(), logins.text()
    logins.serves_others()


def test_who_must_log_in_and_does_not_is_told(tmp_path):
    (tmp_path / "jaas.conf").write_text(JAAS)
    lines = (f"authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n"
             f"sessionRequireClientSASLAuth=true\njava.security.auth.login.config={tmp_path}/jaas.conf\n")
    with Keeper(tmp_path, lines) as keeper:
        with keeper.client(**sasl("bob", "bobs word")) as zk:
            assert zk.exists("/zookeeper")
        with socket.create_connection(("127.0.0.1", keeper.port), timeout=20) as peer:
            peer.sendall(struct.pack(">i", len(CONNECT)) + CONNECT)
            peer.recv(64)
            peer.sendall(struct.pack(">iiii", 8, 7, 3, 0)[:12])
            answer = peer.recv(64)
            assert struct.unpack(">iiqi", answer[:20]) == (16, 7, 0, -124)
            assert peer.recv(64) == b""
        keeper.says("it is not authenticated by sasl")


def test_castles_own_tool_speaks_tls(secure, certificates):
    at = certificates.directory

    def ls(*options):
        return subprocess.run(
            [str(BINARY), "znode", "ls", "/", "--keeper", f"localhost:{secure.secure}", *options],
            capture_output=True, text=True, timeout=60)

    told = ls("--tls-trust", str(at / "ca.pem"), "--tls-key", str(at / "client.both.pem"))
    assert "zookeeper" in told.stdout.split(), told
    told = ls("--tls-trust", str(at / "stranger.pem"), "--tls-key", str(at / "client.both.pem"), "--wait", "1")
    assert told.returncode != 0 and "UnknownIssuer" in told.stderr, told


JAVA = pathlib.Path(__file__).parent / "java"


def java(jars, port, name, expected, **properties):
    """The Java client; its output."""
    flags = [f"-D{key.replace('___', '-').replace('__', '.')}={value}" for key, value in properties.items()]
    done = subprocess.run(
        ["java", "-Xmx256m", *flags, "-cp", f"{jars}/*", str(JAVA / "ZooKeeperSecure.java"), f"127.0.0.1:{port}", name,
         *expected], capture_output=True, text=True, timeout=240)
    return done.stdout + done.stderr


def test_the_java_client_speaks_tls(secure, certificates, tool, tmp_path, name):
    at = certificates.directory
    run("openssl", "pkcs12", "-export", "-inkey", "client.key", "-in", "client.pem", "-passout", f"pass:{PASSWORD}",
        "-name", "client", "-out", tmp_path / "client.p12", directory=at)
    stores = {"PEM": at / "client.both.pem", "PKCS12": tmp_path / "client.p12"}
    for kind, store in stores.items():
        said = java(
            tool("jars/zookeeper-3.9"), secure.secure, f"{name}-{kind}", ["x509:CN=client,O=Castle\\, Inc"],
            zookeeper__client__secure="true", zookeeper__clientCnxnSocket="org.apache.zookeeper.ClientCnxnSocketNetty",
            zookeeper__ssl__keyStore__location=store, zookeeper__ssl__keyStore__password=PASSWORD if kind != "PEM" else "",
            zookeeper__ssl__keyStore__type=kind, zookeeper__ssl__trustStore__location=at / "ca.pem",
            zookeeper__ssl__trustStore__type="PEM")
        assert said.startswith("passed"), said


def test_the_java_client_logs_in(logins, tool, tmp_path, name):
    client = tmp_path / "client.conf"
    section = "Client { org.apache.zookeeper.server.auth.DigestLoginModule required username=\"%s\" password=\"%s\"; };"
    client.write_text(section % ("bob", "bobs word"))
    # Since 3.9.5 the client does not use MD5 unless told that it may.
    options = dict(java__security__auth__login__config=client, zookeeper__fips___mode="false")
    said = java(tool("jars/zookeeper-3.9"), logins.port, name, ["sasl:bob"], **options)
    assert said.startswith("passed"), said
    client.write_text(section % ("bob", "wrong"))
    said = java(tool("jars/zookeeper-3.9"), logins.port, name, [], **options)
    assert "not let in: AuthFailed" in said, said
