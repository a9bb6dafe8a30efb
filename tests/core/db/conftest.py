"""A session of the application's role, which owns no table."""

import os
from urllib.parse import urlsplit

import psycopg2
import pytest
from django.db import connection


@pytest.fixture
def app_role():
    """Connected to the test database as DATABASE_APP_URL says; commits each statement."""
    url = os.environ.get("DATABASE_APP_URL")
    if url is None:
        pytest.skip("DATABASE_APP_URL names no second role.")
    parts = urlsplit(url)
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'GRANT CONNECT ON DATABASE "{name}" TO "{parts.username}"')
    session = psycopg2.connect(
        host=parts.hostname,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        dbname=name,
    )
    session.autocommit = True
    yield session
    session.close()
