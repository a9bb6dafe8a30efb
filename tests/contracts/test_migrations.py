"""Migrations are in step with the models, linear, and say which one is the last."""

from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader

OURS = ("core", "accounts", "ml_models")


class TestMigrations:
    @pytest.mark.django_db
    def test_no_model_change_is_without_its_migration(self):
        call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())

    @pytest.mark.parametrize("label", OURS)
    def test_each_app_has_one_last_migration_and_names_it(self, label):
        loader = MigrationLoader(None)
        leaves = [name for app, name in loader.graph.leaf_nodes(label)]
        named = (
            Path(apps.get_app_config(label).path) / "migrations" / "max_migration.txt"
        ).read_text()

        assert leaves == [named.strip()]
