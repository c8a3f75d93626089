"""The commands for operators."""

from typing import Final

from cogo.cli.command import Command

OPERATE: Final = (
    Command("queue show", "Show the queue by lane and owner.", "admin.queue:show_queue"),
    Command("queue pause", "Pause a lane or an owner.", "admin.queue:pause"),
    Command("queue resume", "Resume a paused lane or owner.", "admin.queue:resume"),
    Command("queue limit", "Limit a lane or an owner.", "admin.queue:limit"),
    Command("keys list", "List API keys.", "admin.keys:list_keys"),
    Command("keys create", "Create an API key and print it.", "admin.keys:create_key"),
    Command("keys rotate", "Replace an API key.", "admin.keys:rotate_key"),
    Command("keys revoke", "Revoke an API key.", "admin.keys:revoke_key"),
    Command("keys local", "Print this machine's API key.", "admin.keys:print_local_key"),
    Command("projects list", "List projects and what they spend.", "admin.projects:list_projects"),
    Command("projects members", "List the members of a project.", "admin.projects:list_members"),
    Command("projects add", "Add a member of a project.", "admin.projects:add_member"),
    Command("projects remove", "Remove a member of a project.", "admin.projects:remove_member"),
    Command("budget list", "List spending caps and what is spent.", "admin.budget:list_budgets"),
    Command("budget set", "Set a spending cap.", "admin.budget:set_budget"),
    Command("budget remove", "Remove a spending cap.", "admin.budget:remove_budget"),
    Command("usage show", "Show tokens, costs and latencies.", "usage.show:show_usage"),
    Command(
        "usage reconcile",
        "Compare booked costs with a vendor's CSV.",
        "usage.reconcile:reconcile",
    ),
    Command("grants list", "List the grants of owners.", "admin.grants:list_grants"),
    Command("grants set", "Restrict or prioritise an owner.", "admin.grants:set_grants"),
    Command("grants remove", "Remove the grants of an owner.", "admin.grants:remove_grants"),
)
