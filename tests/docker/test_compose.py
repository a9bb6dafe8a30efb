"""What compose.yaml promises: hardened containers, secrets in files, one door, order at start."""

from __future__ import annotations

import re
from pathlib import PurePath

import pytest
import yaml

from config.settings.parts.celery import QUEUES

OWN = ("migrate", "web1", "web2", "relay", "webhooks", "worker", "beat")
OTHERS = ("postgres", "redis", "nginx")
LISTENING = ("postgres", "redis", "web1", "web2", "worker", "nginx")  # worker: on its broker
READ_BY_IMAGES = {"POSTGRES_USER", "POSTGRES_PASSWORD_FILE", "POSTGRES_INITDB_ARGS"}


def environment(service):
    return service.get("environment") or {}


def test_every_service_is_known_here(services):
    assert set(services) == {*OWN, *OTHERS}


@pytest.mark.parametrize("name", OWN + OTHERS)
class TestEveryContainer:
    def test_cannot_write_to_its_file_system_but_to_memory_and_volumes(self, services, name):
        assert services[name]["read_only"] is True
        folders = [PurePath(entry.partition(":")[0]) for entry in services[name]["tmpfs"]]
        assert PurePath("/", "tmp") in folders

    def test_has_no_rights_to_gain_or_use(self, services, name):
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]
        assert "cap_add" not in services[name]
        assert "privileged" not in services[name]

    def test_is_not_root(self, services, name, instructions):
        service = services[name]
        if "build" in service:
            users = [
                r for s, k, r in instructions if k == "USER" and s == service["build"]["target"]
            ]
            assert users == ["10001:10001"]
        else:
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"])

    def test_has_limits_and_an_end(self, services, name):
        assert services[name]["mem_limit"]
        assert services[name]["pids_limit"] > 0
        assert services[name]["init"] is True
        assert services[name]["restart"] == ("no" if name == "migrate" else "unless-stopped")
        if name != "migrate":
            assert re.fullmatch(r"\d+s", services[name]["stop_grace_period"])

    def test_never_holds_a_secret_as_a_variable(self, services, name):
        for variable, value in environment(services[name]).items():
            if re.search(r"PASSWORD|SECRET|KEYS|PEPPER|TOKEN", variable):
                assert variable.endswith("_FILE"), variable
                assert value.startswith("/run/secrets/"), variable
            assert "://" not in str(value) or variable == "PUBLIC_URL", variable

    def test_is_given_exactly_the_secrets_it_names(self, services, name):
        own = {key: value for key, value in services[name].items() if key != "secrets"}
        named = set(re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(own)))
        if name == "redis":
            named.add("redis_password")  # its start.sh reads it
        assert set(services[name].get("secrets", [])) == named

    def test_mounts_what_exists(self, services, compose, docker, name):
        for volume in services[name].get("volumes", []):
            source = volume.partition(":")[0]
            if source.startswith("./"):
                assert (docker / source).exists(), source
                assert volume.endswith(":ro"), volume
            elif not source.startswith("${"):
                assert source in compose["volumes"], source


@pytest.mark.parametrize("name", OTHERS)
def test_foreign_images_are_pinned_to_one_release(services, name):
    default = re.fullmatch(r"\$\{[A-Z]+_IMAGE:-(.+)\}", services[name]["image"])
    assert default is not None
    assert re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-bookworm", default.group(1))


def test_major_versions_are_those_the_platform_is_made_for(services):
    assert ":-postgres:16." in services["postgres"]["image"]
    assert ":-redis:7." in services["redis"]["image"]


@pytest.mark.parametrize("name", OWN)
def test_own_images_are_stages_of_the_dockerfile(services, instructions, docker, name):
    build = services[name]["build"]
    assert (docker / build["context"] / build["dockerfile"]).is_file()
    assert build["target"] in {stage for stage, _, _ in instructions}
    assert build["target"] == ("worker" if name == "worker" else "web")


def test_only_the_proxy_is_reachable_from_outside(services, compose):
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert compose["networks"]["backend"]["internal"] is True
    assert services["nginx"]["networks"] == ["edge"]
    for name in ("redis", "relay", "worker", "beat", "migrate"):
        assert services[name]["networks"] == ["backend"], name


def test_who_calls_strangers_reaches_the_database_and_nothing_else_of_ours(services, compose):
    assert compose["networks"]["log"]["internal"] is True
    on = {
        network: {name for name, service in services.items() if network in service["networks"]}
        for network in compose["networks"]
    }
    assert on["log"] == {"postgres", "webhooks"}
    assert on["egress"] == {"webhooks"}
    assert services["webhooks"]["networks"] == ["log", "egress"]


def test_who_listens_has_a_health_check_and_the_rest_says_why_not(services, instructions):
    checked = {stage for stage, keyword, _ in instructions if keyword == "HEALTHCHECK"}
    for name, service in services.items():
        disabled = service.get("healthcheck", {}).get("disable", False)
        own = "test" in service.get("healthcheck", {})
        of_image = service.get("build", {}).get("target") in checked and not disabled
        assert (own or of_image) is (name in LISTENING), name


def test_nothing_of_ours_starts_before_the_schema_is_there(services):
    for name in ("web1", "web2", "relay", "webhooks", "worker", "beat"):
        conditions = {k: v["condition"] for k, v in services[name]["depends_on"].items()}
        assert conditions == {
            "postgres": "service_healthy",
            "redis": "service_healthy",
            "migrate": "service_completed_successfully",
        }, name
    assert {k: v["condition"] for k, v in services["nginx"]["depends_on"].items()} == {
        "web1": "service_healthy",
        "web2": "service_healthy",
    }


def test_the_replicas_are_alike_and_the_proxy_knows_both(services, docker):
    assert services["web1"] == services["web2"]
    upstream = re.findall(
        r"^\s*server (\w+):8000 ", (docker / "nginx.conf").read_text(), re.MULTILINE
    )
    assert upstream == ["web1", "web2"]


def test_artefacts_files_and_images_are_shared_by_those_who_use_them(services):
    for name in ("web1", "web2", "worker"):
        assert services[name]["volumes"] == [
            "artefacts:/var/lib/agora/artefacts",
            "files:/var/lib/agora/files",
            "images:/var/lib/agora/images",
        ]


def test_the_owner_role_is_for_migrations_alone(services):
    having = {n for n, s in services.items() if "database_owner_password" in s.get("secrets", [])}
    assert having == {"postgres", "migrate"}


def test_every_secret_is_used_and_made(compose, services, docker):
    used = {secret for service in services.values() for secret in service.get("secrets", [])}
    assert set(compose["secrets"]) == used
    script = (docker / "make-secrets.sh").read_text()
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        assert re.search(rf"\b{name}\b", script)


def test_every_variable_is_read_by_something(services, checkout, docker):
    sources = [*(checkout / "platform").rglob("*.py"), *docker.rglob("*.sh"), *docker.rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources)
    for name, service in services.items():
        for variable in environment(service).keys() - READ_BY_IMAGES:
            # env_secrets("X") reads X_FILE too.
            spellings = (variable, variable.removesuffix("_FILE"))
            assert any(re.search(rf"\b{s}\b", text) for s in spellings), (name, variable)


def test_every_variable_an_operator_may_set_is_explained(docker, checkout):
    asked = set(re.findall(r"\$\{([A-Z_]+)", (docker / "compose.yaml").read_text()))
    page = (checkout / "docs/subsystems/deployment.md").read_text()
    assert asked
    assert {name for name in asked if f"`{name}`" not in page} == set()


def test_the_worker_takes_every_queue(services):
    assert services["worker"]["environment"]["WORKER_QUEUES"].split(",") == list(QUEUES)
