"""Which URLs may be called: the forms of an SSRF, one by one, when a URL is saved."""

import pytest

from core.outbound import UrlNotAllowedError, check_target
from core.outbound.targets import NOT_PUBLIC, admit, parse_url
from tests.factories.names import PUBLIC


class TestCheckTarget:
    def test_takes_a_public_name_and_says_what_will_be_dialled(self):
        target = check_target("https://Hooks.Example.org/in?shop=7")
        assert (target.scheme, target.host, target.port) == ("https", "hooks.example.org", 443)
        assert (target.path, target.authority) == ("/in?shop=7", "hooks.example.org")
        assert target.addresses == (PUBLIC,)

    @pytest.mark.parametrize(
        ("url", "host", "authority"),
        [
            ("https://example.org:8443/", "example.org", "example.org:8443"),
            ("https://93.184.215.14/", "93.184.215.14", "93.184.215.14"),
            (
                "https://[2606:4700:0::1111]:8443",
                "2606:4700::1111",
                "[2606:4700::1111]:8443",
            ),
            ("https://bücher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("https://straße.example/", "xn--strae-oqa.example", "xn--strae-oqa.example"),
        ],
    )
    def test_takes_ports_addresses_and_international_names(self, url, host, authority):
        target = check_target(url)
        assert (target.host, target.authority) == (host, authority)

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1",
            "https://127.0.0.1",
            "https://localhost",
            "https://127.1",
            "https://0177.0.0.1",
            "https://2130706433",
            "https://0x7f.1",
            "https://0x7f000001",
            "https://[::1]",
            "https://[::ffff:127.0.0.1]",
            "https://[::ffff:7f00:1]",
            "https://[::]",
            "https://0.0.0.0",
            "https://0",
            "https://169.254.169.254/latest/meta-data/",
            "https://[fd00:ec2::254]",
            "https://10.1.2.3",
            "https://172.16.0.1",
            "https://192.168.0.1",
            "https://100.64.0.1",
            "https://user@internal",
            "https://good@127.0.0.1",
            "https://good:word@example.org",
            "https://evil#@good",
            "https://example.org/#part",
            "https://example.org/#",
            "https://\uff11\uff12\uff17.\uff10.\uff10.\uff11",  # full-width digits
            "https://①②⑦.⓪.⓪.①",
            "https://127。0。0。1",
            "gopher://example.org",
            "file:///etc/passwd",
            "unix:/var/run/docker.sock",
            "ftp://example.org",
            "//example.org/",
            "example.org",
            "",
            "https://",
            "https:///path",
            "https://example.org:22",
            "https://example.org:0",
            "https://example.org:99999",
            "https://example.org:x",
            "https://example.org/\r\nHost: internal",
            "https://example.org/ x",
            "https://exam\tple.org/",
            "https://example.org\\@127.0.0.1/",
            "https://example.org/\x00",
            "https://example.org/ü",
            "https://[fe80::1%25eth0]/",
            "https://[::1",
            "https://intranet/",
            "https://a..b/",
            "https://-a.example/",
            "https://example.org./",
            "https://exa_mple.org/",
            f"https://{'a' * 64}.example/",
            f"https://{'a.' * 127}example/",
            f"https://example.org/{'x' * 2048}",
            "HTTPS://example.org/",
        ],
    )
    def test_refuses_every_form_that_leads_elsewhere(self, url):
        with pytest.raises(UrlNotAllowedError):
            check_target(url)

    @pytest.mark.parametrize(
        "addresses",
        [["127.0.0.1"], [PUBLIC, "10.0.0.5"], ["10.0.0.5", PUBLIC], ["::ffff:127.0.0.1"], []],
    )
    def test_refuses_a_name_with_one_address_that_is_not_public(self, names, addresses):
        names["localtest.example"] = [addresses]
        with pytest.raises(UrlNotAllowedError) as caught:
            check_target("https://localtest.example/")
        # A name that is inside and one that is nowhere sound alike.
        assert caught.value.detail == NOT_PUBLIC

    def test_refuses_the_platform_itself(self, settings):
        settings.PUBLIC_URL = "https://api.agora.example"
        with pytest.raises(UrlNotAllowedError, match="this platform itself"):
            check_target("https://API.agora.example:8443/api/v1/predict")

    def test_has_a_code_that_clients_know(self):
        with pytest.raises(UrlNotAllowedError) as caught:
            check_target("https://localhost/")
        assert caught.value.code == "url_not_allowed"


@pytest.mark.usefixtures("loopback_allowed")
class TestLoopbackTargets:
    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1:9000/", "http://localhost:9000/", "http://[::1]:9000/"],
    )
    def test_a_developer_may_have_plain_http_to_this_machine(self, url):
        assert check_target(url).port == 9000

    @pytest.mark.parametrize(
        "url",
        ["http://example.org/", "https://example.org:9000/", "http://10.0.0.1:9000/"],
    )
    def test_nothing_else_is_let_through(self, url):
        with pytest.raises(UrlNotAllowedError):
            check_target(url)

    def test_addresses_of_both_kinds_are_refused(self):
        with pytest.raises(UrlNotAllowedError):
            admit(parse_url("https://example.org/"), ["127.0.0.1", PUBLIC])

    def test_a_name_for_this_machine_will_do(self, names):
        names["localtest.example"] = [["127.0.0.1"]]
        assert check_target("http://localtest.example:9000/").addresses == ("127.0.0.1",)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2", "[::1]"])
    def test_the_platform_itself_is_refused_by_its_port(self, settings, host):
        settings.PUBLIC_URL = "http://127.0.0.1:8123"
        with pytest.raises(UrlNotAllowedError, match="this platform itself"):
            check_target(f"http://{host}:8123/api/v1/predict")


def test_only_a_few_addresses_are_dialled(names):
    names["many.example"] = [[f"93.184.215.{number}" for number in range(1, 9)]]
    assert len(check_target("https://many.example/").addresses) == 3
