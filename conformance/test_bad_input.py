"""Bad input on both ports: each has a clear answer, nobody else is hurt, memory stays bounded."""

import pathlib
import random
import resource
import socket
import struct
import subprocess
import sys

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kazoo.client import KazooClient

from castle import BINARY, Castle

CONNECT = struct.pack(">iqiqi16s?", 0, 0, 10_000, 0, 16, b"\0" * 16, False)


def dial(address, timeout=30.0):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=timeout)


def framed(body):
    return struct.pack(">i", len(body)) + body


def receive(connection):
    """One frame's body, or None when the server has closed."""

    def exactly(count):
        got = b""
        while len(got) < count:
            piece = connection.recv(count - len(got))
            if not piece:
                return None
            got += piece
        return got

    try:
        header = exactly(4)
        return None if header is None else exactly(struct.unpack(">i", header)[0])
    except ConnectionResetError:
        return None


def session(castle):
    connection = dial(castle.keeper)
    connection.sendall(framed(CONNECT))
    answer = receive(connection)
    assert len(answer) == 37 and struct.unpack(">i", answer[4:8])[0] == 10_000
    return connection


def both_halves_work(castle, name):
    zk = KazooClient(castle.keeper)
    zk.start(timeout=15)
    zk.create(f"/{name}-alive", b"yes")
    assert zk.get(f"/{name}-alive")[0] == b"yes"
    zk.delete(f"/{name}-alive")
    zk.stop()
    zk.close()
    producer = KafkaProducer(bootstrap_servers=castle.broker)
    producer.send(f"{name}-alive", b"yes").get(30)
    producer.close()


@pytest.fixture(autouse=True)
def nobody_else_is_hurt(castle, name):
    before = castle.resident_kib()
    yield
    both_halves_work(castle, name)
    assert castle.resident_kib() - before < 64 * 1024, "memory grew by more than 64 MiB"


GARBAGE = [
    b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x00", b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", struct.pack(">i", 200 * 1024 * 1024),
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("port", ["keeper", "broker"])
def test_garbage_closes_the_connection(castle, port, garbage):
    with dial(getattr(castle, port)) as connection:
        connection.sendall(garbage + b"\xaa" * 64)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1 << 16) == b"" or connection.recv(1 << 16) == b""


@pytest.mark.parametrize("port", ["keeper", "broker"])
def test_random_frames_close_or_answer(castle, port):
    dice = random.Random(20_26)
    for _ in range(300):
        with dial(getattr(castle, port)) as connection:
            body = dice.randbytes(dice.randrange(1, 200))
            try:
                connection.sendall(framed(body))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass
            except (ConnectionResetError, BrokenPipeError):
                pass


def test_random_bodies_of_every_kafka_api_close_or_answer(castle):
    dice = random.Random(8)
    for key in range(0, 95):
        for version in range(0, 19, 3):
            with dial(castle.broker) as connection:
                body = struct.pack(">hhih", key, version, 7, 1) + b"c" + dice.randbytes(dice.randrange(0, 60))
                try:
                    connection.sendall(framed(body))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1 << 16):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass


def test_random_bodies_of_every_keeper_operation_close_or_answer(castle):
    dice = random.Random(9)
    for operation in [*range(-12, 24), *range(100, 110), 2**31 - 1]:
        for _ in range(4):
            with session(castle) as connection:
                try:
                    connection.sendall(framed(struct.pack(">ii", 1, operation) + dice.randbytes(dice.randrange(0, 80))))
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1 << 16):
                        pass
                except (ConnectionResetError, BrokenPipeError):
                    pass


def test_an_unknown_operation_is_unimplemented_and_closes(castle):
    with session(castle) as connection:
        connection.sendall(framed(struct.pack(">ii", 5, 999)))
        xid, _, error = struct.unpack(">iqi", receive(connection)[:16])
        assert (xid, error) == (5, -6)
        assert receive(connection) is None


def test_an_undecodable_body_is_a_marshalling_error_and_the_session_goes_on(castle):
    with session(castle) as connection:
        # getData with a path of 2^31-1 bytes.
        connection.sendall(framed(struct.pack(">iii", 6, 4, 2**31 - 1)))
        xid, _, error = struct.unpack(">iqi", receive(connection)[:16])
        assert (xid, error) == (6, -5)
        connection.sendall(framed(struct.pack(">ii", -2, 11)))
        assert struct.unpack(">i", receive(connection)[:4])[0] == -2


def test_an_unknown_version_of_api_versions_is_answered_in_version_0(castle):
    with dial(castle.broker) as connection:
        connection.sendall(framed(struct.pack(">hhihb", 18, 99, 3, -1, 0)))
        answer = receive(connection)
        correlation, error, count = struct.unpack(">ihi", answer[:10])
        assert (correlation, error) == (3, 35) and count >= 1


@pytest.mark.parametrize("key,version", [(999, 0), (-1, 0), (0, 99), (3, -1), (1, 32767)])
def test_unknown_apis_and_versions_close_the_connection(castle, key, version):
    with dial(castle.broker) as connection:
        connection.sendall(framed(struct.pack(">hhih", key, version, 3, -1) + b"\0" * 20))
        assert receive(connection) is None


def batch(*, magic=2, spoil=False, codec=0, payload=None):
    """One record batch of one record, as it goes over the wire; `spoil` breaks its checksum."""
    import crc32c

    record = b"\0\0\0\x01\x06abc\0"
    records = bytes([len(record) * 2]) + record if payload is None else payload
    body = struct.pack(">hiqqqhii", codec, 0, 1, 1, -1, -1, -1, 1) + records
    checksum = crc32c.crc32c(body) ^ (0xFF if spoil else 0)
    return struct.pack(">qiibI", 0, 4 + 1 + 4 + len(body), -1, magic, checksum) + body


def produce(castle, topic, records, version=3):
    """The partition's error code; versions 3 to 8 frame alike as far as that."""
    with dial(castle.broker) as connection:
        text = topic.encode()
        body = struct.pack(">hhih", 0, version, 1, -1)
        body += struct.pack(">hhii", -1, -1, 30_000, 1)
        body += struct.pack(">h", len(text)) + text + struct.pack(">iii", 1, 0, len(records)) + records
        connection.sendall(framed(body))
        answer = receive(connection)
        assert answer is not None, "closed instead of an error code"
        return struct.unpack(">h", answer[4 + 4 + 2 + len(text) + 4 + 4:][:2])[0]


def test_bad_batches_get_kafkas_error_codes(castle, name):
    producer = KafkaProducer(bootstrap_servers=castle.broker)
    producer.send(name, b"first").get(30)
    producer.close()
    # Each code was read off Apache Kafka 3.9.
    assert produce(castle, name, batch()) == 0
    assert produce(castle, name, batch(spoil=True)) == 2
    assert produce(castle, name, batch(magic=0)) == 87
    assert produce(castle, name, batch(magic=1)) == 87
    assert produce(castle, name, batch(magic=9)) == 2
    assert produce(castle, name, batch() + batch()) == 87
    assert produce(castle, name, batch(codec=32)) == 87  # a control batch
    assert produce(castle, name, batch()[:40]) == 87
    assert produce(castle, name, batch()[:12]) == 87
    assert produce(castle, name, b"") == 87
    assert produce(castle, name, b"\xff" * 100) == 2
    assert produce(castle, name, batch(codec=4)) == 76  # zstd, before Produce 7
    for unknown in ("no/such*topic", "", "x" * 300, ".."):
        assert produce(castle, unknown, batch()) == 3
    consumer = KafkaConsumer(name, bootstrap_servers=castle.broker, auto_offset_reset="earliest",
                             consumer_timeout_ms=3000)
    assert [record.value for record in consumer] == [b"first", b"abc"]
    consumer.close()


def test_a_compressed_bomb_does_not_explode_in_the_server(castle, name):
    import zstandard

    producer = KafkaProducer(bootstrap_servers=castle.broker)
    producer.send(name, b"first").get(30)
    producer.close()
    # 512 MiB of zeroes in some 50 KB. The server need not open it; it must not fall over it.
    bomb = zstandard.ZstdCompressor(level=19).compress(b"\0" * (512 << 20))
    before = castle.resident_kib()
    assert produce(castle, name, batch(codec=4, payload=bomb), version=7) in (0, 2, 87)
    assert castle.resident_kib() - before < 64 * 1024


def test_a_client_that_never_reads_costs_only_itself(castle, name):
    zk = KazooClient(castle.keeper)
    zk.start(timeout=15)
    zk.create(f"/{name}", b"x" * 100_000)
    before = castle.resident_kib()
    path = f"/{name}".encode()
    request = framed(struct.pack(">iii", 1, 4, len(path)) + path + b"\0")
    with session(castle) as connection:
        connection.setblocking(False)
        sent = 0
        try:
            while sent < 50_000_000:
                sent += connection.send(request * 200)
        except (BlockingIOError, ConnectionResetError, BrokenPipeError):
            pass
        assert zk.get(f"/{name}")[1].dataLength == 100_000
        assert castle.resident_kib() - before < 48 * 1024
    zk.delete(f"/{name}")
    zk.stop()
    zk.close()


@pytest.mark.parametrize("port", ["keeper", "broker"])
def test_five_thousand_idle_connections(tmp_path, port, name):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16_384), hard))
    with Castle(tmp_path / "many") as crowded:
        before = crowded.resident_kib()
        idle = []
        try:
            for _ in range(5000):
                try:
                    idle.append(dial(getattr(crowded, port)))
                except ConnectionResetError:
                    pass  # above the keeper's limit of connections per address, which is an answer too
            both_halves_work_with_room(crowded, port, name)
            assert crowded.resident_kib() - before < 64 * 1024
        finally:
            for connection in idle:
                connection.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def both_halves_work_with_room(castle, port, name):
    if port == "broker":
        both_halves_work(castle, name)
    else:
        # The keeper limits connections per address (maxClientCnxns); the broker's own session goes on.
        producer = KafkaProducer(bootstrap_servers=castle.broker)
        producer.send(f"{name}-alive", b"yes").get(30)
        producer.close()


def refused(*arguments):
    done = subprocess.run([str(BINARY), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 101, 134, -6), done.stderr
    return done.stderr


def test_a_port_in_use_is_refused_with_the_fix(castle, tmp_path):
    port = castle.keeper.rsplit(":", 1)[1]
    said = refused("dev", "--data-dir", str(tmp_path), "--keeper-port", port, "--broker-port", "0", "--http-port", "0")
    assert port in said and "--keeper-port" in said


def test_a_directory_in_use_is_refused(castle):
    said = refused("dev", "--data-dir", str(castle.data), "--keeper-port", "0", "--broker-port", "0", "--http-port", "0")
    assert str(castle.data) in said


def test_the_data_of_another_cluster_is_refused(tmp_path):
    with Castle(tmp_path / "one") as one:
        both_halves_work(one, "one")
    [properties] = one.data.rglob("meta.properties")
    text = properties.read_text()
    [cluster] = [line for line in text.splitlines() if line.startswith("cluster.id=")]
    properties.write_text(text.replace(cluster, "cluster.id=AAAAAAAAAAAAAAAAAAAAAA"))
    said = refused("dev", "--data-dir", str(one.data), "--keeper-port", "0", "--broker-port", "0", "--http-port", "0")
    assert "AAAAAAAAAAAAAAAAAAAAAA" in said and "meta.properties" in said


IN_A_SMALL_DISK = """
import subprocess, sys
directory, size, *command = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", directory], check=True)
sys.exit(subprocess.run(command).returncode)
"""


@pytest.mark.parametrize("options", ["64k", "8m,ro"])
def test_a_full_or_read_only_disk_is_refused_at_the_start(tmp_path, options):
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "--", sys.executable, "-c", IN_A_SMALL_DISK,
         str(tmp_path), options, str(BINARY), "dev", "--data-dir", str(tmp_path / "data"),
         "--keeper-port", "0", "--broker-port", "0", "--http-port", "0"],
        capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, 101, 134, -6), done.stderr
    assert str(tmp_path) in done.stderr
    assert any(word in done.stderr.lower() for word in ("space", "read-only", "writable", "full")), done.stderr


FILL_THE_DISK = """
import pathlib, subprocess, sys
sys.path.insert(0, sys.argv[1])
directory = pathlib.Path(sys.argv[2])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(directory)], check=True)
from castle import Castle
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
server = Castle(directory / "castle").start()
producer = KafkaProducer(bootstrap_servers=server.broker, retries=0, max_block_ms=10000, request_timeout_ms=10000)
acknowledged, refused = 0, 0
for i in range(400):
    try:
        future = producer.send("full", b"%6d" % i + b"x" * 500_000)
        future.get(15)
        acknowledged += 1
    except KafkaError:
        refused += 1
        if refused > 3 or not server.alive():
            break
assert refused and acknowledged > 20, (acknowledged, refused)
if server.alive():
    server.kill()
else:
    # The reason stands in the log, and it is not a panic.
    assert server.process.returncode not in (0, 101, 134, -6), server.tail()
    server.process = None
# Space returns: a filler file goes, and what was acknowledged is there.
subprocess.run(["mount", "-o", "remount,size=256m", str(directory)], check=True)
server.start()
consumer = KafkaConsumer("full", bootstrap_servers=server.broker, auto_offset_reset="earliest", consumer_timeout_ms=5000)
count = sum(1 for _ in consumer)
assert count >= acknowledged, (count, acknowledged)
consumer.close()
producer.close(timeout=1)
server.stop()
print("passed")
"""


def test_a_disk_that_fills_up_loses_nothing_that_was_acknowledged(tmp_path):
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "--", sys.executable, "-c", FILL_THE_DISK,
         str(pathlib.Path(__file__).parent), str(tmp_path)],
        capture_output=True, text=True, timeout=280)
    assert done.returncode == 0 and done.stdout.strip().endswith("passed"), done.stdout + done.stderr
