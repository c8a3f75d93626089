"""The command line. `app` runs it, `commands` lists the commands, each group has a package."""
