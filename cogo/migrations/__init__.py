"""Migrations: reading the SQL files and applying them."""

from cogo.migrations.apply import Migrated, migrate
from cogo.migrations.files import Migration, load_migrations, load_schema

__all__ = ["Migrated", "Migration", "load_migrations", "load_schema", "migrate"]
