"""Under which addresses a server is reached, and from where somebody comes."""

import pytest

from clps_core.addresses import Names, came_from, network
from clps_core.errors import ConfigError

PORT = 8501


@pytest.mark.parametrize(
    ("hosts", "host", "known"),
    [
        ("", "127.0.0.1:8501", True),
        ("", "LOCALHOST:8501", True),
        ("", "localhost:9999", False),
        ("", "localhost", False),
        ("", "evil.example", False),
        ("", "evil.example:8501", False),
        ("", "127.0.0.1:8501@evil.example", False),
        ("", "127.0.0.1:8501/x", False),
        ("", "127.0.0.1.:8501", False),
        ("", "", False),
        ("", None, False),
        ("localhost:9000", "localhost:9000", True),
        ("localhost:9000", "localhost:9001", False),
        ("lab.example", "lab.example", True),
        ("lab.example", "lab.example:443", True),
        ("lab.example", "lab.example:8443", False),
        ("lab.example:8443", "lab.example:8443", True),
        ("lab.example:443", "lab.example", True),
        ("lab.example", "lab.example.evil.example", False),
        ("lab.example", "xlab.example", False),
        (" https://lab.example/ , *.school.example", "a.school.example", True),
        ("*.school.example", "school.example", False),
        ("*.school.example", "evilschool.example", False),
        ("[fd00::1]:8443", "[fd00::1]:8443", True),
    ],
)
def test_a_host_is_known_by_name_and_port(hosts, host, known):
    assert Names.of(hosts).knows(host, PORT) is known


@pytest.mark.parametrize(
    ("hosts", "origin", "host", "known"),
    [
        ("", "http://127.0.0.1:8501", "127.0.0.1:8501", True),
        ("", "http://localhost:8501", "localhost:8501", True),
        ("", "http://localhost:9999", "localhost:8501", False),
        ("", "http://localhost:9999", "localhost:9999", False),
        ("", "http://localhost", "localhost:8501", False),
        ("", "https://localhost:8501", "localhost:8501", False),
        ("", "http://localhost:8501", "127.0.0.1:8501", False),
        ("", "http://evil.example", "evil.example", False),
        ("", "http://evil.example", "127.0.0.1:8501", False),
        ("", "null", "127.0.0.1:8501", False),
        ("", "", "127.0.0.1:8501", False),
        ("", None, "127.0.0.1:8501", False),
        ("lab.example", "https://lab.example", "lab.example", True),
        ("lab.example", "http://lab.example", "lab.example", True),
        ("https://lab.example", "http://lab.example", "lab.example", False),
        ("lab.example", "https://lab.example:8443", "lab.example", False),
        ("lab.example:8443", "https://lab.example:8443", "lab.example:8443", True),
        ("lab.example", "https://lab.example", "127.0.0.1:8501", False),
        ("lab.example", "ftp://lab.example", "lab.example", False),
    ],
)
def test_an_origin_is_a_page_of_this_server_port_and_scheme_included(hosts, origin, host, known):
    assert Names.of(hosts).knows_origin(origin, host, PORT) is known


def test_a_server_that_speaks_tls_itself_has_no_plain_pages():
    assert Names().knows_origin("https://localhost:8501", "localhost:8501", PORT, "https")
    assert not Names().knows_origin("http://localhost:8501", "localhost:8501", PORT, "https")


@pytest.mark.parametrize(
    "text",
    ["*", "*.", "lab example", "http://", "lab.example:0", "lab.example:70000", "a/b", "x" * 301, "lab.example,*"],
)
def test_hosts_that_are_none_are_one_sentence(text):
    with pytest.raises(ConfigError, match="CLPS_HOSTS must list the names that browsers use"):
        Names.of(text)


PROXIES = [network("127.0.0.1"), network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "address"),
    [
        ("192.0.2.7", [], PROXIES, "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.1"], PROXIES, "192.0.2.7"),
        ("127.0.0.1", ["203.0.113.1"], [], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.1"], PROXIES, "203.0.113.1"),
        ("127.0.0.1", ["1.2.3.4, 203.0.113.1"], PROXIES, "203.0.113.1"),
        ("127.0.0.1", ["1.2.3.4", "203.0.113.1, 10.1.1.1"], PROXIES, "203.0.113.1"),
        ("127.0.0.1", ["made up"], PROXIES, "127.0.0.1"),
        ("127.0.0.1", [""], PROXIES, "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.1:5555"], PROXIES, "203.0.113.1"),
        ("::ffff:192.0.2.7", [], [], "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", [], [], "2001:db8:1:2::/64"),
        ("127.0.0.1", ["[2001:db8:1:2::9]:443"], PROXIES, "2001:db8:1:2::/64"),
        (None, [], [], ""),
    ],
)
def test_what_a_visitor_says_about_where_they_come_from_counts_only_behind_a_named_proxy(
    peer, forwarded, proxies, address
):
    assert came_from(peer, forwarded, proxies) == address
