#!/bin/bash
# Runs once, when the cluster is new: an owner who changes tables, an application that only uses them.
set -euo pipefail

# psql reads the passwords itself: they stand on no command line and in no log.
psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set app_password `cat "$APP_PASSWORD_FILE"`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET password_encryption = 'scram-sha-256';
CREATE ROLE agora_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'owner_password';
CREATE ROLE agora_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'app_password';
CREATE DATABASE agora OWNER agora_owner;
REVOKE ALL ON DATABASE agora FROM PUBLIC;
GRANT CONNECT ON DATABASE agora TO agora_app;
\connect agora
ALTER DEFAULT PRIVILEGES FOR ROLE agora_owner GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO agora_app;
ALTER DEFAULT PRIVILEGES FOR ROLE agora_owner GRANT USAGE, SELECT ON SEQUENCES TO agora_app;
SQL
