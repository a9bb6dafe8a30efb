"""Calls that are sent again: whatever dies at whatever step, there is one job and one answer."""

import http.client
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.harness.cluster import Platform, copy_state

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/idempotency.md"
PROGRAM = re.compile(r"^```python\n(import .*?)^```", re.MULTILINE | re.DOTALL)
DYING = "tests.harness.dying:application"
URL = "/api/v1/batch-predictions"
FIRST, OTHER = "web", "web:2"
RETRIES = 50
NOTICED_WITHIN = 10  # seconds until PostgreSQL has given up the transaction of a dead process
DIFFERS = {"id", "created_at", "updated_at", "expires_at"}  # between two jobs for the same rows
GATE = 4_242  # number of the advisory lock at which a held up transaction waits
UNLIMITED = (
    "UPDATE developers_planlimit SET burst = 10000, sustained = 100000, daily = 1000000,"
    " concurrent = NULL"
)

# Nobody who is held up by a test gives up meanwhile.
PATIENT = {"DATABASE_LOCK_TIMEOUT_MS": "30000", "DATABASE_STATEMENT_TIMEOUT_MS": "30000"}
# Where the process is killed: the step of the call, and what tests/harness/dying.py calls it.
STEPS = {
    "before the lock": "before pg_try_advisory_xact_lock",
    "with the lock": "after pg_try_advisory_xact_lock",
    "in the effect, its file stored": 'before INSERT INTO "ml_models_batchprediction"',
    "in the effect, its job's row written": 'after INSERT INTO "ml_models_batchprediction"',
    "in the effect, its task's row written": "after EXECUTE core_outbox_insert",
    "after the effect, before the key's row": 'before INSERT INTO "core_idempotencykey"',
    "before the commit": 'after INSERT INTO "core_idempotencykey"',
}
AFTER_COMMIT = "answered"
LONG = (pytest.mark.faults, pytest.mark.long)
HELD_UP = {
    "while the job's row is written": "ml_models_batchprediction",
    "while an outbox row is written": "core_outboxevent",
    "while the key's row is written": "core_idempotencykey",
}


SHORT_STEPS = {"in the effect, its task's row written", "before the commit"}
SHORT_HELD_UP = {"while an outbox row is written"}


def cases(named, short):
    """All of them for make test-faults, the short form for the suite."""
    return [
        pytest.param(value, id=name, marks=() if name in short else LONG)
        for name, value in named.items()
    ]


class Service:
    """Two web servers over one database, and a developer who sends the same thing to either."""

    def __init__(self, platform):
        self.platform = platform
        platform.sql(UNLIMITED)
        self.revive()
        demo = platform.client("demo", "demo")
        self.token = demo.token
        model = demo.get("/api/v1/models/purchase-intent/versions/1").json()
        self.body = {"model": "purchase-intent", "features": model["example"]["features"][:1]}
        self.usual = self.submit(uuid4().hex)
        assert self.usual.status == 202, self.usual.text

    def revive(self):
        self.platform.start(FIRST, OTHER)
        self.platform.wait_ready(web=FIRST)
        self.platform.wait_ready(web=OTHER)

    def client(self, web=FIRST):
        client = self.platform.client(web=web)
        return type(client)(client.url, self.token)

    def submit(self, key, web=FIRST, **headers):
        return self.client(web).post(URL, self.body, idempotency_key=key, **headers)

    def submit_until_answered(self, key, web=OTHER):
        """As a caller goes on while the first try is, for all that is known, still running."""
        answers = []

        def is_answered():
            answers.append(self.submit(key, web))
            return not is_in_progress(answers[-1])

        assert self.platform.wait_until(is_answered, seconds=NOTICED_WITHIN), answers[-1].text
        return answers[-1]

    def jobs(self):
        return {
            str(job) for (job,) in self.platform.sql("SELECT id FROM ml_models_batchprediction")
        }

    def check(self, key, answer, before):
        """Since `before` there is one job for the key, whole, and told as a first call's would be.

        Args:
            before: ids of all jobs before the first try.
        """
        assert answer.status == 202, answer.text
        document = answer.json()
        job = document["id"]
        assert self.jobs() - before == {job}
        assert self.announced(job) == [
            ("task", "ml_models.split_batch_prediction", 1),
            ("event", "batch_prediction.queued", 1),
        ]
        assert self.inputs(job) == ["input.jsonl"]
        assert answer.headers["Location"] == f"{URL}/{job}"
        usual = self.usual.json()
        assert document.keys() == usual.keys()
        assert {name for name in usual if usual[name] != document[name]} <= DIFFERS
        assert self.client(OTHER).get(f"{URL}/{job}").json() == document
        again = self.submit(key, OTHER)
        assert (again.status, again.body, is_replay(again)) == (202, answer.body, True)
        assert self.jobs() - before == {job}

    def announced(self, job):
        return self.platform.sql(
            "SELECT kind, type, sequence FROM core_outboxevent"
            " WHERE object_id = %s OR payload->>'job_id' = %s ORDER BY position",
            (job, job),
        )

    def inputs(self, job):
        return [path.name for path in (self.stored / job).iterdir()]

    @property
    def stored(self):
        return self.platform.state.root / "artefacts/batch-predictions"

    def died(self, web=FIRST):
        return self.platform.wait_until(lambda: not self.platform.is_running(web), seconds=5)


def is_in_progress(answer):
    if answer.status != 409:
        return False
    assert (answer.json()["code"], answer.headers["Retry-After"]) == (
        "idempotency_in_progress",
        "1",
    )
    return True


def is_replay(answer):
    return answer.headers.get("Idempotency-Replayed") == "true"


@pytest.fixture(scope="module")
def of_module(prepared_state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("safe-calls") / "a platform"
    copy_state(prepared_state, folder)
    with Platform(folder, settings=PATIENT, wsgi=DYING) as platform:
        yield Service(platform)


@pytest.fixture
def service(of_module):
    """With both its web servers up."""
    of_module.revive()
    return of_module


@contextmanager
def held_up(platform, table, *, at_commit=False):
    """Whoever writes a row of the table waits in PostgreSQL: at the row, or when it commits.

    Yields a function that says which session waits, and None while none does.
    """
    when = "DEFERRABLE INITIALLY DEFERRED" if at_commit else "NOT DEFERRABLE"
    with closing(platform.postgres.connect()) as holder, holder.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (GATE,))
        platform.sql(
            "CREATE OR REPLACE FUNCTION harness_gate() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END'"
        )
        platform.sql(
            f"CREATE CONSTRAINT TRIGGER harness_gate AFTER INSERT ON {table} {when}"
            " FOR EACH ROW EXECUTE FUNCTION harness_gate()"
        )

        def waiting():
            found = platform.sql(
                "SELECT pid FROM pg_locks"
                " WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND NOT granted",
                (GATE,),
            )
            return found[0][0] if found else None

        yield waiting
    # The holder's session has ended and its lock with it, so whoever waited goes on.
    platform.sql(f"DROP TRIGGER harness_gate ON {table}")


class TestKilledWebServer:
    """SIGKILL at each step of one submission; the same call goes to the other server then."""

    @pytest.mark.parametrize("step", cases(STEPS, SHORT_STEPS))
    def test_leaves_nothing_before_the_commit_and_the_next_try_is_the_first(self, service, step):
        key, before = uuid4().hex, service.jobs()

        assert service.submit(key, x_die=step).status == 0
        assert service.died()
        answer = service.submit_until_answered(key)

        assert not is_replay(answer)
        service.check(key, answer, before)

    def test_leaves_all_after_the_commit_and_the_next_try_is_answered_from_it(self, service):
        key, before = uuid4().hex, service.jobs()

        assert service.submit(key, x_die=AFTER_COMMIT).status == 0
        assert service.died()
        (made,) = service.jobs() - before
        answer = service.submit(key, OTHER)

        assert is_replay(answer)
        assert answer.json()["id"] == made
        service.check(key, answer, before)

    @pytest.mark.parametrize("table", cases(HELD_UP, SHORT_HELD_UP))
    def test_leaves_nothing_while_postgresql_works_for_it(self, service, table):
        key, before = uuid4().hex, service.jobs()

        with self.killed_while_held_up(service, key, table):
            meanwhile = service.submit(key, OTHER)
        answer = service.submit_until_answered(key)

        assert is_in_progress(meanwhile)
        assert not is_replay(answer)
        service.check(key, answer, before)

    def test_has_its_effect_if_postgresql_commits_after_its_death(self, service):
        key, before = uuid4().hex, service.jobs()

        with self.killed_while_held_up(service, key, "core_idempotencykey", at_commit=True):
            meanwhile = service.submit(key, OTHER)
            assert service.jobs() == before
        answer = service.submit_until_answered(key)

        assert is_in_progress(meanwhile)
        assert is_replay(answer)
        service.check(key, answer, before)

    def test_has_none_if_postgresql_ends_the_session_in_the_commit(self, service):
        key, before = uuid4().hex, service.jobs()

        with self.killed_while_held_up(
            service, key, "core_idempotencykey", at_commit=True
        ) as session:
            service.platform.sql("SELECT pg_terminate_backend(%s)", (session,))
        answer = service.submit_until_answered(key)

        assert not is_replay(answer)
        service.check(key, answer, before)

    @contextmanager
    def killed_while_held_up(self, service, key, table, *, at_commit=False):
        """The first server is killed while the transaction of its call waits in PostgreSQL."""
        with (
            held_up(service.platform, table, at_commit=at_commit) as waiting,
            ThreadPoolExecutor(1) as pool,
        ):
            first = pool.submit(service.submit, key)
            assert service.platform.wait_until(waiting, seconds=5)
            session = waiting()
            service.platform.kill(FIRST)
            assert first.result().status == 0
            yield session


class TestFailedCommit:
    def test_is_an_error_that_leaves_nothing_and_the_next_try_is_the_first(self, service):
        key, before = uuid4().hex, service.jobs()
        with refused_at_commit(service.platform):
            failed = service.submit(key)
        answer = service.submit(key, OTHER)

        assert failed.status == 503, failed.text
        assert not is_replay(answer)
        service.check(key, answer, before)


@contextmanager
def refused_at_commit(platform):
    platform.sql(
        "CREATE OR REPLACE FUNCTION harness_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE serialization_failure; END'"
    )
    platform.sql(
        "CREATE CONSTRAINT TRIGGER harness_refuse AFTER INSERT ON core_idempotencykey"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION harness_refuse()"
    )
    yield
    platform.sql("DROP TRIGGER harness_refuse ON core_idempotencykey")


class TestOrphans:
    """An input is stored before the commit: a process killed between the two leaves it."""

    SWEEP = (
        "from datetime import timedelta; from django.utils import timezone;"
        "from apps.ml_models.services.batch.sweeping import purge_orphaned_files;"
        "purge_orphaned_files(now=timezone.now() + timedelta(minutes={minutes}))"
    )

    def sweep(self, service, minutes):
        """What the clock does, as it would some minutes from now."""
        code = self.SWEEP.format(minutes=minutes)
        service.platform.manage("shell", "--no-imports", "-c", code)

    def stored(self, service):
        return {path.name for path in service.stored.iterdir()}

    def test_are_swept_after_an_hour_and_nothing_else_is(self, service):
        before = self.stored(service)
        assert (
            service.submit(uuid4().hex, x_die=STEPS["in the effect, its file stored"]).status == 0
        )
        assert service.died()
        (orphan,) = self.stored(service) - before

        self.sweep(service, 50)
        assert orphan in self.stored(service)
        self.sweep(service, 70)
        assert self.stored(service) == service.jobs()


class TestFiftyRetriesAtOnce:
    def test_make_one_job_and_are_answered_alike_or_told_to_wait(self, service):
        key, before = uuid4().hex, service.jobs()

        with ThreadPoolExecutor(RETRIES) as pool:
            answers = list(
                pool.map(lambda n: service.submit(key, (FIRST, OTHER)[n % 2]), range(RETRIES))
            )

        answered = [answer for answer in answers if not is_in_progress(answer)]
        assert {answer.status for answer in answered} == {202}
        assert len({answer.body for answer in answered}) == 1
        assert len({answer.headers["Location"] for answer in answered}) == 1
        assert [is_replay(answer) for answer in answered].count(False) == 1
        service.check(key, answered[0], before)


@pytest.fixture
def call():
    """The loop of the guide, as it stands there."""
    (program,) = PROGRAM.findall(GUIDE.read_text())
    names = {}
    exec(compile(program, GUIDE, "exec"), names)  # noqa: S102 - that is what the guide is for
    return names["call"]


class TestGuide:
    def test_loop_gives_fifty_callers_the_one_answer(self, service, call):
        key, before = uuid4().hex, service.jobs()
        urls = [service.client(web).url + URL for web in (FIRST, OTHER)]

        with ThreadPoolExecutor(RETRIES) as pool:
            answers = list(
                pool.map(
                    lambda n: call(urls[n % 2], service.body, token=service.token, key=key),
                    range(RETRIES),
                )
            )

        assert all(answer == answers[0] for answer in answers)
        assert service.jobs() - before == {answers[0]["id"]}

    def test_loop_goes_on_while_the_server_is_killed_and_started_again(self, service, call):
        key, before = uuid4().hex, service.jobs()
        url = service.client().url + URL
        with ThreadPoolExecutor(1) as pool:
            with held_up(service.platform, "core_idempotencykey") as waiting:
                answer = pool.submit(call, url, service.body, token=service.token, key=key)
                assert service.platform.wait_until(waiting, seconds=5)
                service.platform.kill(FIRST)
            service.platform.start(FIRST)
            document = answer.result(timeout=60)

        assert service.jobs() - before == {document["id"]}
        assert service.submit(key, OTHER).json() == document

    def test_loop_says_what_was_wrong_instead_of_trying_again(self, service, call):
        url = service.client().url + URL

        with pytest.raises(RuntimeError, match='"code":"invalid_features"'):
            call(url, {"features": []}, token=service.token, key=uuid4().hex)


class TestTwoHeaders:
    @pytest.mark.parametrize("keys", [("a", "a"), ("a", "b")], ids=["the same", "two"])
    def test_are_no_key(self, service, keys):
        before = service.jobs()
        body = b"{}"
        with closing(http.client.HTTPConnection(urlsplit(service.client().url).netloc)) as line:
            line.putrequest("POST", URL)
            line.putheader("Authorization", f"Bearer {service.token}")
            line.putheader("Content-Type", "application/json")
            line.putheader("Content-Length", str(len(body)))
            for key in keys:
                line.putheader("Idempotency-Key", key)
            line.endheaders(body)
            answer = line.getresponse()
            text = answer.read().decode()

        assert (answer.status, '"code":"idempotency_key_invalid"' in text) == (400, True)
        assert service.jobs() == before
