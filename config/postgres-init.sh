#!/bin/sh
# Runs once in a new PostgreSQL container: the tables belong to a role that is no superuser.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PASSWORD" --username postgres <<'SQL'
CREATE ROLE tallydesk LOGIN NOSUPERUSER PASSWORD :'password';
CREATE DATABASE tallydesk OWNER tallydesk;
SQL
