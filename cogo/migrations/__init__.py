"""Migrations: the SQL files, how they are cut into statements, how they are applied."""

from cogo.migrations.apply import Migrated, migrate
from cogo.migrations.files import Migration, load_migrations

__all__ = ["Migrated", "Migration", "load_migrations", "migrate"]
