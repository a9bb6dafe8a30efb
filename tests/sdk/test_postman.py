"""The Postman collection: complete, no variable undefined, its scripts run, its reads answered."""

import json
import re
import shutil
import subprocess

import httpx
import pytest

from sdk import postman
from sdk.document import operations
from sdk.errors import BuildError
from sdk.node import node

VARIABLE = re.compile(r"\{\{([^}]+)\}\}")
GIVEN = {"$guid", "credential"}  # by Postman, and by the collection's own script

# Enough of Postman's `pm` for the collection's scripts; prints what the environment holds then.
STUB = """
const [scripts, code, body, values] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const kept = { ...values }, chosen = {}, met = [];
const pm = {
  environment: { get: (name) => kept[name], set: (name, value) => { kept[name] = value; } },
  variables: { set: (name, value) => { chosen[name] = value; } },
  response: { code, text: () => body, json: () => JSON.parse(body) },
  test: (name, check) => { check(); met.push(name); },
  expect: (list) => ({ to: { include: (item) => {
    if (!list.includes(item)) throw new Error(`${item} is not in ${list}`); } } }),
};
for (const script of scripts) new Function("pm", script)(pm);
process.stdout.write(JSON.stringify({ kept, chosen, met }));
"""


@pytest.fixture(scope="session")
def requests(postman_kit):
    """All requests of the collection, by name, in its order."""
    folders = postman_kit["collection"]["item"]
    return {item["name"]: item for folder in folders for item in folder["item"]}


@pytest.fixture(scope="session")
def values(postman_kit):
    return {row["key"]: row["value"] for row in postman_kit["environment"]["values"]}


def template_of(item):
    """`/applications/:id` as the schema writes it, `/applications/{id}`."""
    steps = item["request"]["url"]["path"]
    return "/" + "/".join(re.sub(r"^:(\w+)$", r"{\1}", step) for step in steps)


def script(item, listen="test"):
    return next(
        "\n".join(event["script"]["exec"]) for event in item["event"] if event["listen"] == listen
    )


def play(scripts, *, code=200, body="{}", values=None):
    """Run scripts as Postman would after an answer; what is kept, chosen and tested."""
    try:
        command = [*node(), "-e", STUB]
    except BuildError as error:
        pytest.skip(f"THE SCRIPTS OF THE COLLECTION ARE NOT TESTED: {error}")
    said = subprocess.run(
        command,
        input=json.dumps([scripts, code, body, values or {}]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


class TestCollection:
    def test_is_the_same_at_every_build(self, document, postman_kit, tmp_path):
        postman.build(document, tmp_path / "again")

        again = {p.stem: json.loads(p.read_text()) for p in (tmp_path / "again").iterdir()}
        assert again == postman_kit

    def test_has_every_operation_once(self, document, requests):
        right = {
            (method.upper(), path): operation["summary"]
            for path, method, operation in operations(document)
        }

        assert {
            (item["request"]["method"], template_of(item)): name for name, item in requests.items()
        } == right

    def test_has_a_folder_for_every_subject_in_the_order_of_the_schema(self, document, postman_kit):
        used = {operation["tags"][0] for _, _, operation in operations(document)}

        *folders, end = postman_kit["collection"]["item"]
        assert [folder["name"] for folder in folders] == [
            tag["name"] for tag in document["tags"] if tag["name"] in used
        ]
        assert end["name"] == "at the end"

    def test_run_from_top_to_bottom_takes_nothing_away_before_it_is_used(self, postman_kit):
        *folders, end = postman_kit["collection"]["item"]

        assert [item["name"] for item in end["item"]] == [
            *("Delete an alias", "Close an application for good", "Log out")
        ]
        for folder in folders:
            deletes = [item["request"]["method"] == "DELETE" for item in folder["item"]]
            assert deletes == sorted(deletes), folder["name"]

    def test_uses_no_variable_that_is_not_defined(self, postman_kit, values):
        used = set(VARIABLE.findall(json.dumps(postman_kit["collection"])))

        assert used - GIVEN - set(values) == set()

    def test_fills_every_argument_of_a_path(self, requests):
        for item in requests.values():
            url = item["request"]["url"]
            named = {variable["key"] for variable in url["variable"]}

            assert named == {step[1:] for step in url["path"] if step.startswith(":")}
            assert all(VARIABLE.fullmatch(variable["value"]) for variable in url["variable"])

    def test_says_who_calls_once_and_nobody_where_nobody_needs_to(
        self, document, postman_kit, requests
    ):
        public = {
            operation["summary"]
            for _, _, operation in operations(document)
            if operation["security"] == []
        }
        own = {
            name: item["request"]["auth"]["type"]
            for name, item in requests.items()
            if "auth" in item["request"]
        }

        assert postman_kit["collection"]["auth"]["bearer"][0]["value"] == "{{credential}}"
        assert own == dict.fromkeys(public, "noauth")

    def test_sends_the_examples_of_the_schema(self, requests):
        sent = json.loads(requests["Make an application"]["request"]["body"]["raw"])
        fields = requests["Upload a version"]["request"]["body"]["formdata"]

        assert sent["name"] == "Shop assistant"
        assert [field["key"] for field in fields if field["type"] == "file"] == ["artefact"]

    def test_makes_a_key_for_what_must_have_one(self, requests):
        headers = {h["key"]: h for h in requests["Submit a batch prediction"]["request"]["header"]}

        assert headers["Idempotency-Key"]["value"] == "{{$guid}}"
        assert headers["Idempotency-Key"]["disabled"] is False

    def test_sends_a_condition_where_a_write_needs_one(self, requests):
        item = requests["Delete a webhook endpoint"]
        headers = {row["key"]: row for row in item["request"]["header"]}

        assert headers["If-Match"]["value"] == "*"
        assert headers["If-Match"]["disabled"] is False

    def test_makes_a_webhook_endpoint_for_the_application_that_was_made(self, requests):
        body = json.loads(requests["Make a webhook endpoint"]["request"]["body"]["raw"])

        assert body["application_id"] == "{{application_id}}"

    def test_keeps_no_secret_in_the_open(self, postman_kit):
        kinds = {row["key"]: row["type"] for row in postman_kit["environment"]["values"]}

        assert [name for name, kind in kinds.items() if kind == "secret"] == [
            *("api_key", "password", "refresh_token", "token")
        ]


class TestScripts:
    def test_keep_the_tokens_of_a_login(self, requests):
        body = json.dumps({"access": "a.b.c", "refresh": "r", "expires_in": 900})

        played = play([script(requests["Log in"])], body=body)

        assert played["kept"] == {"token": "a.b.c", "refresh_token": "r"}
        assert played["met"] == ["answers as the schema says"]

    def test_keep_a_key_and_an_id(self, requests):
        made = json.dumps({"id": "0198", "key": "sk_x"})

        of_key = play([script(requests["Make a key"])], code=201, body=made)
        of_job = play([script(requests["Submit a batch prediction"])], code=202, body=made)

        assert of_key["kept"] == {"key_id": "0198", "api_key": "sk_x"}
        assert of_job["kept"] == {"batch_prediction_id": "0198"}

    def test_keep_nothing_of_a_refusal(self, requests):
        body = json.dumps({"id": "x", "access": "x"})

        assert play([script(requests["Log in"])], code=401, body=body)["kept"] == {}

    def test_choose_the_person_before_the_key(self, postman_kit):
        choose = [script(postman_kit["collection"], "prerequest")]

        both = play(choose, values={"token": "person", "api_key": "program"})
        one = play(choose, values={"token": "", "api_key": "program"})

        assert both["chosen"] == {"credential": "person"}
        assert one["chosen"] == {"credential": "program"}

    @pytest.mark.skipif(shutil.which("node") is None, reason="ALL SCRIPTS ARE TESTED WHERE NODE IS")
    def test_all_run(self, requests):
        for item in requests.values():
            [first, *_] = re.findall(r"\d+", script(item))

            assert play([script(item)], code=int(first))["met"] == ["answers as the schema says"]


class TestReads:
    @pytest.mark.processes
    def test_answer_on_a_running_platform_as_the_schema_says(self, platform, requests, values):
        """Log in as the collection does, then send each of its reads, ids taken from its lists."""
        platform.start("web")
        platform.wait_ready()
        kept = {**values, "base_url": platform.url}
        answers = {}
        with httpx.Client(timeout=10) as client:
            login = send(client, requests["Log in"], kept)
            kept["credential"] = login.json()["access"]
            for name, item in requests.items():
                if item["request"]["method"] == "GET":
                    answers[name] = send(client, item, kept)

        expected = {
            name: set(map(int, re.findall(r"\d+", script(requests[name]).partition("]")[0])))
            for name in answers
        }
        met = {name: answer.status_code for name, answer in answers.items()}
        assert {name: status for name, status in met.items() if status not in expected[name]} == {}
        assert answers["List models"].json()["results"][0]["name"] == values["model_name"]
        assert answers["Read a model"].status_code == 200


def send(client, item, kept):
    """One request as Postman builds it; an argument without a value gets one that is nobody's."""
    url = item["request"]["url"]
    arguments = {variable["key"]: variable["value"] for variable in url["variable"]}

    def fill(text):
        return VARIABLE.sub(
            lambda match: kept.get(match[1]) or "0198f2c4-7d1e-7a3b-9c55-2f6d1b0e8a47", text
        )

    steps = [fill(arguments[step[1:]]) if step.startswith(":") else step for step in url["path"]]
    body = item["request"].get("body", {}).get("raw")
    credential = kept.get("credential")
    headers = {"Content-Type": "application/json"} if body else {}
    if credential and "auth" not in item["request"]:
        headers["Authorization"] = f"Bearer {credential}"
    return client.request(
        item["request"]["method"],
        "/".join([kept["base_url"], *steps]),
        content=fill(body) if body else None,
        headers=headers,
    )
