"""kcat, from Debian's packages."""

import subprocess


def kcat(*arguments, stdin=b""):
    done = subprocess.run(["kcat", *arguments], input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_records_come_back_as_they_were_sent(castle, name):
    kcat("-b", castle.broker, "-P", "-t", name, "-K:", stdin=b"a:1\nb:2\nc:3\n")
    assert kcat("-b", castle.broker, "-C", "-t", name, "-o", "beginning", "-e", "-q", "-K:") == b"a:1\nb:2\nc:3\n"


def test_a_group_resumes_where_it_committed(castle, name):
    kcat("-b", castle.broker, "-P", "-t", name, stdin=b"1\n2\n3\n")
    group = ("-b", castle.broker, "-G", name, "-q", "-X", "auto.offset.reset=earliest")
    assert kcat(*group, "-c", "2", name) == b"1\n2\n"
    assert kcat(*group, "-c", "1", name) == b"3\n"


def test_the_cluster_is_listed(castle, name):
    kcat("-b", castle.broker, "-P", "-t", name, stdin=b"1\n")
    assert f'topic "{name}" with 1 partitions'.encode() in kcat("-b", castle.broker, "-L")
