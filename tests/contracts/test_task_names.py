"""Every task that code enqueues by name is one that a worker has registered, and beat's as well."""

import ast
import fnmatch
from pathlib import Path

from config.celery import app

ROOT = Path(__file__).resolve().parents[2]


def _enqueued() -> dict[str, str]:
    """Task name -> the file that enqueues it, read from calls enqueue("...")."""
    found = {}
    for folder in ("apps", "platform"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _name(node.func) == "enqueue":
                    first = node.args[0] if node.args else None
                    if isinstance(first, ast.Constant):
                        found[first.value] = str(path.relative_to(ROOT))
    return found


def _name(function) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


class TestTaskNames:
    def test_enqueued_names_are_registered(self):
        app.loader.import_default_modules()

        assert "ml_models.split_batch_prediction" in _enqueued()
        assert {name: file for name, file in _enqueued().items() if name not in app.tasks} == {}

    def test_scheduled_names_are_registered(self):
        app.loader.import_default_modules()

        scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}

        assert scheduled
        assert scheduled - set(app.tasks) == set()

    def test_every_task_of_ours_is_routed_to_a_queue_that_exists(self):
        app.loader.import_default_modules()
        queues = {queue.name for queue in app.conf.task_queues}
        ours = [name for name in app.tasks if not name.startswith("celery.")]
        routed = {name: app.amqp.router.route({}, name)["queue"].name for name in ours}

        assert ours
        assert {name: queue for name, queue in routed.items() if queue not in queues} == {}
        assert routed["ml_models.run_batch_chunk"] == "predictions"
        assert routed["core.purge_outbox"] == "maintenance"

    def test_every_route_is_some_tasks(self):
        app.loader.import_default_modules()

        unused = [
            pattern
            for pattern in app.conf.task_routes
            if not any(fnmatch.fnmatch(name, pattern) for name in app.tasks)
        ]

        assert unused == []

    def test_every_task_of_ours_takes_arguments_of_a_newer_release(self):
        app.loader.import_default_modules()
        strict = []
        for name, task in app.tasks.items():
            code = task.run.__code__
            if not name.startswith("celery.") and not code.co_flags & 0x08:  # CO_VARKEYWORDS
                strict.append(name)

        assert strict == []
