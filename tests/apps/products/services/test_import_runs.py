"""An import goes on where it was, whoever dies: leases, chunks, the reaper, the purge."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.developers.models import Application
from apps.products.errors.imports import LeaseLostError, TooManyImportsError
from apps.products.models import ProductImport, ProductImportRow, StockMovement, Variant
from apps.products.services.imports import chunks, leasing, limits, running
from apps.products.services.imports.files import import_storage
from apps.products.services.imports.leasing import claim_import, lock_leased, reap_imports
from apps.products.services.imports.purging import purge_imports
from apps.products.services.imports.running import run_import
from core.models import OutboxEvent
from tests.factories.developers import make_application
from tests.factories.imports import a_row, csv_of, imported, report, submit
from tests.factories.parallel import in_parallel
from tests.factories.products import make_warehouse

MINUTE = timedelta(minutes=1)


class KilledError(BaseException):
    """What no code catches, as when a process dies."""


@pytest.fixture(autouse=True)
def _storage(settings, tmp_path):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path)},
        },
    }


def rows(count):
    return csv_of(*(a_row(f"S-{number}") for number in range(count)))


def let_the_lease_run_out(row):
    past = timezone.now() - timedelta(seconds=1)
    ProductImport.objects.filter(pk=row.pk).update(lease_until=past, updated_at=past - MINUTE)


def die_at(monkeypatch, sku, die=KilledError):
    """The worker dies at the first look at that row: `die` raises, or is what is raised."""
    real, deaths = chunks.apply_row, []

    def apply(wanted, **options):
        if wanted.sku == sku and not deaths:
            deaths.append(wanted.sku)
            raise die()
        return real(wanted, **options)

    monkeypatch.setattr(chunks, "apply_row", apply)


def refusal_of(state):
    """What makes the database refuse a statement with that SQLSTATE."""

    def refuse():
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$")

    return refuse


@pytest.mark.django_db
class TestChunks:
    def test_all_rows_count_once(self, bob, monkeypatch):
        monkeypatch.setattr(running, "CHUNK_ROWS", 3)

        row = imported(bob, rows(7))

        assert (row.state, row.created, row.rows_done, row.rows_total) == ("succeeded", 7, 7, 7)
        assert [line for line, _ in report(row)] == list(range(2, 9))
        assert row.offset == row.size_bytes

    def test_a_sku_is_known_from_the_chunks_before(self, bob, monkeypatch):
        monkeypatch.setattr(running, "CHUNK_ROWS", 1)

        row = imported(bob, csv_of(a_row("A"), a_row("B"), a_row("a")))

        assert report(row)[2] == (4, "failed", ("sku", "duplicate_row"))

    def test_end_when_others_would_wait_too_long(self, bob, monkeypatch):
        monkeypatch.setattr(chunks, "CHUNK_SECONDS", -1)
        commits = []
        real = running._store
        monkeypatch.setattr(
            running,
            "_store",
            lambda chunk, row: (commits.append(len(chunk.reports)), real(chunk, row)),
        )

        assert imported(bob, rows(3)).state == "succeeded"
        assert commits == [1, 1, 1]

    def test_end_with_a_row_that_counts_stock(self, bob, monkeypatch):
        make_warehouse("main")
        commits = []
        real = running._store
        monkeypatch.setattr(
            running,
            "_store",
            lambda chunk, row: (commits.append(len(chunk.reports)), real(chunk, row)),
        )
        stock = [a_row("A"), a_row("B") | {"stock.main": "3"}, a_row("C"), a_row("D")]

        imported(bob, csv_of(*({"stock.main": ""} | row for row in stock)))

        assert commits == [2, 2]
        assert StockMovement.objects.count() == 1

    def test_a_task_leaves_the_rest_to_another(self, bob, monkeypatch, sent_tasks):
        monkeypatch.setattr(running, "CHUNK_ROWS", 1)
        monkeypatch.setattr(running, "TASK_SECONDS", 0)
        row = submit(bob, rows(1))
        task = ("products.run_import", {"import_id": str(row.pk)})
        assert sent_tasks == [task]

        assert run_import(import_id=row.pk) is True

        row.refresh_from_db()
        assert (row.state, row.rows_done, row.lease_token) == ("running", 0, None)
        assert sent_tasks == [task, task]


@pytest.mark.django_db
class TestAnEnd:
    def test_is_told_and_takes_the_file(self, bob, django_capture_on_commit_callbacks):
        row = submit(bob, csv_of(a_row("A"), a_row("B", price="x")))
        assert import_storage().exists(row.key)

        with django_capture_on_commit_callbacks(execute=True):
            run_import(import_id=row.pk)

        event = OutboxEvent.objects.get(type="product_import.completed")
        assert event.payload == {
            "status": "partially_succeeded",
            "dry_run": False,
            "rows": 2,
            "created": 1,
            "updated": 0,
            "unchanged": 0,
            "failed": 1,
        }
        row.refresh_from_db()
        assert row.ended_at is not None
        assert not import_storage().exists(row.key)

    @pytest.mark.parametrize(
        ("prices", "state"),
        [(["1", "2"], "succeeded"), (["1", "x"], "partially_succeeded"), (["x", "y"], "failed")],
        ids=["all", "some", "none"],
    )
    def test_says_how_many_were_carried_out(self, bob, prices, state):
        lines = [a_row(f"S-{number}", price=price) for number, price in enumerate(prices)]

        assert imported(bob, csv_of(*lines)).state == state

    def test_is_once(self, bob):
        row = imported(bob, rows(1))

        assert run_import(import_id=row.pk) is False
        assert OutboxEvent.objects.filter(type="product_import.completed").count() == 1

    def test_without_its_file_is_a_failure(self, bob):
        row = submit(bob, rows(1))
        import_storage().delete(row.key)

        run_import(import_id=row.pk)

        row.refresh_from_db()
        assert (row.state, row.error_code) == ("failed", "file_missing")


@pytest.mark.django_db
class TestDeaths:
    def test_a_killed_workers_chunk_is_done_again_and_counts_once(self, bob, monkeypatch):
        monkeypatch.setattr(running, "CHUNK_ROWS", 2)
        monkeypatch.setattr(running, "release_import", lambda *_, **__: None)  # it is dead
        die_at(monkeypatch, "S-3")
        row = submit(bob, rows(5))

        with pytest.raises(KilledError):
            run_import(import_id=row.pk)

        row.refresh_from_db()
        assert (row.state, row.rows_done, row.attempts) == ("running", 2, 0)
        assert Variant.objects.count() == 2  # S-2 was undone with its chunk
        assert run_import(import_id=row.pk) is False  # the dead one's lease holds
        let_the_lease_run_out(row)
        assert reap_imports() == 1
        assert run_import(import_id=row.pk) is True
        row.refresh_from_db()
        assert (row.state, row.created, row.rows_done) == ("succeeded", 5, 5)
        assert report(row) == [(line, "created") for line in range(2, 7)]

    def test_what_kills_every_worker_is_given_up(self, bob):
        row = submit(bob, rows(1))
        for _ in range(limits.ATTEMPTS_MAX):
            assert claim_import(row.pk) is not None
            let_the_lease_run_out(row)

        assert run_import(import_id=row.pk) is False

        row.refresh_from_db()
        assert (row.state, row.error_code, row.rows_done) == ("failed", "worker_lost", 0)
        assert not Variant.objects.exists()

    def test_whoever_lost_the_lease_commits_nothing(self, bob):
        row = submit(bob, rows(2))
        late = claim_import(row.pk)
        let_the_lease_run_out(row)
        assert claim_import(row.pk) is not None

        with pytest.raises(LeaseLostError):
            lock_leased(late)
        leasing.release_import(late, goes_on=True)

        row.refresh_from_db()
        assert row.lease_token is not None  # the other's lease stands

    @pytest.mark.parametrize("state", ["55P03", "40P01"], ids=["lock timeout", "deadlock"])
    def test_a_lock_that_others_hold_lets_it_go_on_later(self, bob, monkeypatch, sent_tasks, state):
        row = submit(bob, rows(2))
        for _ in range(limits.ATTEMPTS_MAX + 1):
            with monkeypatch.context() as patch:
                die_at(patch, "S-1", refusal_of(state))
                run_import(import_id=row.pk)
            row.refresh_from_db()
            assert (row.rows_done, row.attempts, row.lease_until) == (0, 0, None)

        assert len(sent_tasks) == 1  # not again at once: whoever holds it is given time
        assert reap_imports() == 0
        let_the_lease_run_out(row)
        assert reap_imports() == 1
        assert run_import(import_id=row.pk) is True
        row.refresh_from_db()
        assert (row.state, row.created) == ("succeeded", 2)

    def test_a_statement_that_takes_too_long_counts_as_a_death(self, bob, monkeypatch):
        row = submit(bob, rows(2))
        die_at(monkeypatch, "S-1", refusal_of("57014"))

        run_import(import_id=row.pk)

        row.refresh_from_db()
        assert (row.state, row.attempts, row.lease_until) == ("running", 1, None)

    def test_an_end_of_the_task_gives_the_lease_back(self, bob, monkeypatch):
        die_at(monkeypatch, "S-0")
        row = submit(bob, rows(1))

        with pytest.raises(KilledError):
            run_import(import_id=row.pk)

        row.refresh_from_db()
        assert (row.lease_until, row.lease_token, row.attempts) == (None, None, 1)


@pytest.mark.django_db
class TestWhoeverUploadedIt:
    @pytest.fixture
    def application(self, bob):
        return make_application(bob)

    def given_up(self, row):
        assert run_import(import_id=row.pk) is True
        row.refresh_from_db()
        assert not Variant.objects.exists()
        return row.state, row.error_code, row.rows_done

    @pytest.mark.parametrize("lost", ["is_active", "is_staff"])
    def test_must_still_be_allowed_to(self, bob, lost):
        row = submit(bob, rows(2))
        User.objects.filter(pk=bob.pk).update(**{lost: False})

        assert self.given_up(row) == ("failed", "no_longer_permitted", 0)
        assert OutboxEvent.objects.filter(type="product_import.completed").exists()

    @pytest.mark.parametrize("by", ["suspended", "closed", "not staff", "owner away"])
    def test_nor_may_a_suspended_application_go_on(self, bob, alice, application, by):
        row = submit(bob, rows(2), application=application)
        now = timezone.now()
        changes = {
            "suspended": {"status": "suspended", "suspended_at": now},
            "closed": {"status": "closed", "closed_at": now},
            "owner away": {"owner": alice},
        }
        Application.objects.filter(pk=application.pk).update(**changes.get(by, {"name": "Feed"}))
        User.objects.filter(pk=bob.pk).update(is_staff=by != "not staff")
        User.objects.filter(pk=alice.pk).update(is_active=False)

        assert self.given_up(row) == ("failed", "no_longer_permitted", 0)

    def test_is_asked_before_each_chunk(self, bob, application, monkeypatch):
        monkeypatch.setattr(running, "CHUNK_ROWS", 2)
        row = submit(bob, rows(5), application=application)
        real = running._store

        def store(chunk, locked):
            real(chunk, locked)
            Application.objects.update(status="suspended", suspended_at=timezone.now())

        monkeypatch.setattr(running, "_store", store)

        run_import(import_id=row.pk)

        row.refresh_from_db()
        assert (row.state, row.error_code) == ("failed", "no_longer_permitted")
        assert (row.created, row.rows_done) == (2, 2)  # what was committed stands

    def test_is_not_locked_meanwhile(self, bob):
        late = claim_import(submit(bob, rows(1)).pk)

        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            lock_leased(late)

        [locking] = [each["sql"] for each in queries if "FOR NO KEY UPDATE" in each["sql"]]
        assert locking.endswith('FOR NO KEY UPDATE OF "products_productimport"')


@pytest.mark.django_db
class TestReaping:
    def test_offers_what_nobody_has_and_not_at_each_look(self, bob, sent_tasks):
        lost, held, ended = (submit(bob, rows(1)) for _ in range(3))
        claim_import(held.pk)
        run_import(import_id=ended.pk)
        ProductImport.objects.update(updated_at=timezone.now() - MINUTE)
        before = len(sent_tasks)

        assert reap_imports() == 1
        assert reap_imports() == 0

        assert list(sent_tasks)[before:] == [("products.run_import", {"import_id": str(lost.pk)})]


@pytest.mark.django_db
class TestLimits:
    def test_so_many_may_be_open(self, bob, monkeypatch):
        for _ in range(limits.OPEN_MAX):
            row = submit(bob, rows(1))
        names = import_storage().listdir("product-imports")[1]

        with pytest.raises(TooManyImportsError):
            submit(bob, rows(1))

        assert import_storage().listdir("product-imports")[1] == names
        run_import(import_id=row.pk)
        submit(bob, rows(1))


@pytest.mark.django_db
class TestForgetting:
    def test_reports_go_ninety_days_after_the_end(self, bob):
        row, open_one = imported(bob, rows(2)), submit(bob, rows(1))
        now = timezone.now()

        assert purge_imports(now=now + timedelta(days=89)) == 0
        assert purge_imports(now=now + timedelta(days=91)) == 1

        assert list(ProductImport.objects.all()) == [open_one]
        assert not ProductImportRow.objects.filter(product_import=row).exists()

    def test_files_that_no_open_import_has_go_after_a_day(self, bob):
        from django.core.files.base import ContentFile

        row = submit(bob, rows(1))
        orphan = import_storage().save("product-imports/orphan.csv", ContentFile(b"x"))
        now = timezone.now()

        purge_imports(now=now)
        assert import_storage().exists(orphan)
        purge_imports(now=now + timedelta(hours=25))

        assert not import_storage().exists(orphan)
        assert import_storage().exists(row.key)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_workers_do_one_import_once(self, bob):
        row = submit(bob, rows(20))

        answers = in_parallel(lambda _: run_import(import_id=row.pk), count=3)

        assert sorted(answers) == [False, False, True]
        row.refresh_from_db()
        assert (row.state, row.created) == ("succeeded", 20)
        assert ProductImportRow.objects.count() == 20


@pytest.mark.django_db
class TestTables:
    @pytest.mark.parametrize(
        ("changes", "constraint"),
        [
            ({"state": "lost", "ended_at": timezone.now()}, "product_import_state_known"),
            ({"created": 1}, "product_import_counts"),
            ({"created": 3, "rows_done": 3}, "product_import_counts"),
            ({"state": "succeeded"}, "product_import_ended"),
            ({"ended_at": timezone.now()}, "product_import_ended"),
        ],
        ids=["state", "sum", "more than there are", "ended without a time", "a time too early"],
    )
    def test_refuse_an_import_that_cannot_be(self, bob, changes, constraint):
        row = submit(bob, rows(2))

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            ProductImport.objects.filter(pk=row.pk).update(**changes)

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [({"number": 2}, "product_import_row_once"), ({"outcome": "lost"}, "row_outcome")],
        ids=["twice", "outcome"],
    )
    def test_refuse_a_row_that_cannot_be(self, bob, fields, constraint):
        row = submit(bob, rows(1))
        ProductImportRow.objects.create(product_import=row, number=2, outcome="created")

        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            ProductImportRow.objects.create(
                **{"product_import": row, "number": 3, "outcome": "created"} | fields
            )
