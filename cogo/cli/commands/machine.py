"""The commands of what runs on this machine."""

from typing import Final

from cogo.cli.command import Command

MACHINE: Final = (
    Command("serve orchestrator", "Run an orchestrator.", "local.serve:serve_orchestrator"),
    Command("serve executor", "Run an executor.", "local.serve:serve_executor"),
    Command("serve gateway", "Run the HTTP gateway.", "local.serve:serve_gateway"),
    Command(
        "sandbox run", "Run code with its tests in the sandbox.", "local.sandbox:run_in_sandbox"
    ),
    Command(
        "sandbox status",
        "Report what the sandbox of this machine can run.",
        "local.sandbox:show_sandbox",
    ),
    Command(
        "sandbox install",
        "Install what the sandbox needs for a language.",
        "local.sandbox:install_toolchain",
    ),
    Command("supabase start", "Start the embedded Supabase.", "local.supabase:start"),
    Command("supabase stop", "Stop the embedded Supabase.", "local.supabase:stop"),
    Command(
        "supabase status", "Show the server's addresses and keys.", "local.supabase:show_status"
    ),
    Command(
        "supabase list", "List this user's embedded Supabases.", "local.supabase_list:list_servers"
    ),
    Command("supabase reset", "Delete all data of the embedded database.", "local.supabase:reset"),
    Command("supabase keys", "Show or replace the embedded API keys.", "local.supabase:show_keys"),
    Command(
        "supabase psql",
        "Open psql on the embedded database.",
        "local.supabase:psql",
        passes_options=True,
    ),
)
