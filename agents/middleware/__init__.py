"""Gates around vendor calls that all executors share through the database."""
