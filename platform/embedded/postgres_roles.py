"""Roles and databases of our own cluster: an owner of tables, and an application without DDL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extensions import encrypt_password

if TYPE_CHECKING:
    from psycopg2 import extensions

SUPERUSER = "agora_superuser"
OWNER = "agora_owner"
APP = "agora_app"

# Kept in template1, so that every database made later has them, also the tests' own.
DEFAULT_PRIVILEGES = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
    "GRANT USAGE, SELECT ON SEQUENCES TO {app}",
)


def apply_roles(
    connection: extensions.connection,
    *,
    owner_password: str,
    app_password: str,
    owner_creates_databases: bool,
) -> None:
    """Make the two roles or bring them up to date; connected to template1, autocommitting."""
    _apply_role(connection, OWNER, owner_password, creates_databases=owner_creates_databases)
    _apply_role(connection, APP, app_password, creates_databases=False)
    with connection.cursor() as cursor:
        for grant in DEFAULT_PRIVILEGES:
            cursor.execute(
                sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {owner} " + grant).format(
                    owner=sql.Identifier(OWNER), app=sql.Identifier(APP)
                )
            )


def create_database(connection: extensions.connection, name: str) -> None:
    """A database of the owner's in which the application may connect, and nobody else."""
    names = {
        "name": sql.Identifier(name),
        "owner": sql.Identifier(OWNER),
        "app": sql.Identifier(APP),
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**names))
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {name} FROM PUBLIC").format(**names))
        cursor.execute(sql.SQL("GRANT CONNECT ON DATABASE {name} TO {app}").format(**names))


def _apply_role(
    connection: extensions.connection, name: str, password: str, *, creates_databases: bool
) -> None:
    # Only the verifier travels, so that no log can hold the password (RFC 5803).
    verifier = encrypt_password(password, name, connection, "scram-sha-256")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = "CREATE" if cursor.fetchone() is None else "ALTER"
        cursor.execute(
            sql.SQL(
                f"{verb} ROLE {{name}} LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION {{createdb}}"
                " PASSWORD {verifier}"
            ).format(
                name=sql.Identifier(name),
                createdb=sql.SQL("CREATEDB" if creates_databases else "NOCREATEDB"),
                verifier=sql.Literal(verifier),
            )
        )
