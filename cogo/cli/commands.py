"""The commands of `cogo`, in the order in which help lists them."""

from typing import Final

from cogo.cli.command import Command, Group

_RETRY: Final = "Retry failed tasks: those that are named, or all that filters find."
_HOLD: Final = "Pause tasks: those that are named, or all that filters find."
_RESUME: Final = "Resume paused tasks: those that are named, or all that filters find."

GROUPS: Final = (
    Group("serve", "Run an agent or the gateway in this process."),
    Group("tasks", "Find, inspect, cancel, retry, pause and approve tasks.", default="list"),
    Group("sessions", "List, show, copy and delete conversations.", default="list"),
    Group("approvals", "List, show and answer questions to people.", default="list"),
    Group("workflows", "List, show and play workflows.", default="list"),
    Group("tools", "List, check and call tools.", default="list"),
    Group("mcp", "Serve tasks as tools of an assistant.", default="serve"),
    Group("columns", "Let models write columns of your tables.", default="list"),
    Group("queue", "Show the queue, and pause or limit parts of it.", default="show"),
    Group("models", "List, compare and control models.", default="list"),
    Group("eval", "Evaluate models and workflows on problems with known answers."),
    Group("embeddings", "List and delete stored embeddings.", default="list"),
    Group("memory", "Remember facts and documents, search and forget them.", default="list"),
    Group("keys", "Manage API keys for the gateway.", default="list"),
    Group("projects", "Manage who sees the tasks of projects.", default="list"),
    Group("budget", "Manage spending caps.", default="list"),
    Group("usage", "Show tokens and costs, and compare them with bills.", default="show"),
    Group("grants", "Manage which models, tools and priorities owners may use.", default="list"),
    Group("local-model", "Install and remove the local model.", default="show"),
    Group("sandbox", "Run code in the sandbox of this machine."),
    Group("supabase", "Run and manage the embedded Supabase."),
)

COMMANDS: Final = (
    Command("demo", "Run five tasks on a temporary system, and fill a column.", "local.demo:demo"),
    Command("up", "Start the whole system on this machine.", "local.up:up"),
    Command(
        "doctor", "Report what is missing and the command that fixes it.", "local.doctor:doctor"
    ),
    Command("submit", "Submit a task and follow it to its result.", "tasks.submit:submit"),
    Command("run", "Run a task live, to a verdict.", "tasks.run:run_live"),
    Command("swarm", "Ask a swarm of models, and show who says what.", "workflows.swarm:run_swarm"),
    Command("estimate", "Show the plan, model and cost of a task.", "tasks.estimate:estimate"),
    Command("show", "Show the result of a task.", "tasks.show:show_result"),
    Command("diff", "Show what `cogo apply` would change.", "tasks.apply:show_diff"),
    Command("apply", "Commit the result of a task to a branch.", "tasks.apply:apply_result"),
    Command("watch", "Follow all messages or one task, live.", "tasks.watch:watch"),
    Command("feedback", "Rate the result of a task.", "tasks.control:rate_result"),
    Command("fork", "Ask a task again, as a whole or from a step.", "tasks.control:fork_task"),
    Command("hold", _HOLD, "task_lists.act:hold_tasks"),
    Command("resume", _RESUME, "task_lists.act:resume_tasks"),
    Command("approve", "Answer what a task asks a person.", "tasks.waits:answer_approval"),
    Command("send", "Send an event to a task.", "tasks.waits:send_event"),
    Command("embed", "Compute, store and search embeddings.", "models.embed:embed"),
    Command("agents", "List agents and the models they serve.", "admin.agents:list_agents"),
    Command("actions", "List what operators did, the newest first.", "admin.operate:list_actions"),
    Command(
        "stop-spending",
        "Stop all spending at once: no call to a model begins, on any machine.",
        "admin.operate:stop_spending",
    ),
    Command(
        "resume-spending",
        "Resume spending after `cogo stop-spending`.",
        "admin.operate:resume_spending",
    ),
    Command("audit", "List every call to a model.", "admin.audit:list_calls"),
    Command("console", "Print a sign-in link for the console.", "admin.keys:print_console_link"),
    Command("migrate", "Apply the database migrations.", "local.migrate:migrate"),
    Command(
        "adopt",
        "Adopt a copied, restored or moved database, so that it runs by itself.",
        "admin.adopt:adopt",
    ),
    Command("export", "Write what belongs to an owner into files.", "admin.export:export_owner"),
    Command("erase", "Erase all that belongs to an owner, for good.", "admin.erase:erase_owner"),
    Command("trust", "Trust the configuration files in a folder.", "local.trust:trust"),
    Command("serve orchestrator", "Run an orchestrator.", "local.serve:serve_orchestrator"),
    Command("serve executor", "Run an executor.", "local.serve:serve_executor"),
    Command("serve gateway", "Run the HTTP gateway.", "local.serve:serve_gateway"),
    Command("tasks list", "List tasks, the newest first.", "task_lists.list:list_tasks"),
    Command("tasks show", "Show the history of a task.", "tasks.show:show_task"),
    Command(
        "tasks cancel",
        "Cancel tasks: those that are named, or all open ones that filters find.",
        "task_lists.act:cancel_tasks",
    ),
    Command("tasks redrive", _RETRY, "task_lists.act:retry_tasks"),
    Command("tasks retry", _RETRY, "task_lists.act:retry_tasks"),
    Command("tasks hold", _HOLD, "task_lists.act:hold_tasks"),
    Command("tasks resume", _RESUME, "task_lists.act:resume_tasks"),
    Command(
        "tasks approve",
        "Approve or refuse all that tasks ask people: those that are named, or that filters find.",
        "task_lists.act:answer_tasks",
    ),
    Command(
        "sessions list", "List conversations, the newest first.", "sessions.show:list_sessions"
    ),
    Command(
        "sessions show",
        "Show what was said in a conversation, the newest at the end, and its summary.",
        "sessions.show:show_session",
    ),
    Command(
        "sessions fork",
        "Copy a conversation, and print the id of the copy.",
        "sessions.change:fork_session",
    ),
    Command(
        "sessions forget",
        "Delete conversations, with their messages and summaries.",
        "sessions.change:forget_sessions",
    ),
    Command(
        "approvals list",
        "List what waits for a person, the newest first.",
        "tasks.approvals:list_approvals",
    ),
    Command(
        "approvals show",
        "Show a question in full: what belongs to it, what an approval costs, and until when.",
        "tasks.approvals:show_approval",
    ),
    Command("approvals answer", "Approve or refuse one question.", "tasks.approvals:answer_by_id"),
    Command(
        "approvals link",
        "Print a link by which somebody answers a question without signing in.",
        "tasks.approvals:create_link",
    ),
    Command(
        "workflows list",
        "List the types of tasks and what their workflows do.",
        "workflows.list:list_workflows",
    ),
    Command(
        "workflows show",
        "Show the steps of a task, as its workflow asked for them.",
        "workflows.show:show_workflow",
    ),
    Command(
        "workflows play",
        "Play a workflow against scripted answers.",
        "workflows.play:play_workflow",
    ),
    Command(
        "workflows example",
        "Print the file of an example, or list the examples.",
        "workflows.example:print_workflow_example",
    ),
    Command(
        "tools list",
        "List the tools that models and workflows may call here.",
        "tools.list:list_tools",
    ),
    Command(
        "tools show",
        "Show what a tool does, its arguments, and how it may be run.",
        "tools.list:show_tool",
    ),
    Command(
        "tools call",
        "Call a tool once, on this machine, and print what it gives.",
        "tools.call:call_tool",
    ),
    Command(
        "tools example",
        "Print the file of an example, or list the examples.",
        "tools.example:print_tool_example",
    ),
    Command("tools check", "Report which tools cannot be used.", "tools.list:check_tools"),
    Command(
        "mcp serve",
        "Serve the tasks of this project, or of a gateway, as tools of an assistant.",
        "mcp.serve:serve_mcp",
    ),
    Command(
        "mcp install",
        "Show or write the entry of the MCP server in an assistant's settings.",
        "mcp.install:install_mcp",
    ),
    Command(
        "columns add",
        "Have models write a column of a table of yours.",
        "columns.install:add_column",
    ),
    Command(
        "columns list",
        "List AI columns: what is done, and what was spent today.",
        "columns.status:list_columns",
    ),
    Command(
        "columns status",
        "Show the status of AI columns, or of their rows.",
        "columns.status:show_columns",
    ),
    Command(
        "columns try",
        "Ask for a few rows and show the answers and what they cost; the table stays as it is.",
        "columns.try_rows:try_column",
    ),
    Command(
        "columns backfill",
        "Fill rows that are there already, after an estimate and a question.",
        "columns.backfill:backfill_column",
    ),
    Command(
        "columns pause",
        "Pause an AI column: nothing more is asked until it is resumed.",
        "columns.control:pause_column",
    ),
    Command(
        "columns resume",
        "Resume an AI column, also one that a spent cap has paused.",
        "columns.control:resume_column",
    ),
    Command(
        "columns change",
        "Change what an AI column is asked, by which model, and its caps.",
        "columns.install:change_column",
    ),
    Command(
        "columns revert",
        "Go back to an earlier version of the prompt, the model and what else is asked.",
        "columns.control:revert_column",
    ),
    Command("columns drop", "Make an AI column an ordinary one.", "columns.control:drop_column"),
    Command("queue show", "Show the queue by lane and owner.", "admin.queue:show_queue"),
    Command("queue pause", "Pause a lane or an owner.", "admin.queue:pause"),
    Command("queue resume", "Resume a paused lane or owner.", "admin.queue:resume"),
    Command("queue limit", "Limit a lane or an owner.", "admin.queue:limit"),
    Command(
        "models list",
        "List the models that can be used now, with those that embed texts or rank documents.",
        "models.list:list_models",
    ),
    Command("models show", "Show the details of a model.", "models.list:show_model"),
    Command("models prices", "List prices per million tokens.", "models.list:list_prices"),
    Command("models health", "Show which deployments respond.", "models.stats:show_health"),
    Command(
        "models outcomes",
        "Show what is known of models by kind of work, or export the answers behind it.",
        "models.stats:show_outcomes",
    ),
    Command("models stats", "Show how models perform.", "models.stats:show_stats"),
    Command("models why", "Explain why a task got its models.", "models.stats:explain_choice"),
    Command(
        "models pull",
        "Download a model to run on this machine.",
        "local_models.pull:pull",
    ),
    Command("models rm", "Delete a model from this machine.", "local_models.manage:remove"),
    Command(
        "models update",
        "Download the new versions of models, all installed ones by default.",
        "local_models.manage:update",
    ),
    Command(
        "models serve",
        "Serve installed models on this machine until Ctrl-C.",
        "local_models.serve:serve",
    ),
    Command(
        "models probe",
        "Measure how fast models answer here, and whether they call tools and follow a schema.",
        "local_models.probe:probe",
    ),
    Command("models test", "Send test requests to models.", "models.providers:test_models"),
    Command("models discover", "Compare providers with the catalogue.", "models.providers:compare"),
    Command("models pin", "Prefer a model to all others.", "models.control:pin"),
    Command("models ban", "Stop using a model or provider at once.", "models.control:ban"),
    Command("models drain", "Stop giving a model or provider new work.", "models.control:drain"),
    Command("models allow", "Undo pin, ban or drain.", "models.control:allow"),
    Command("models policy", "Show or set the selection policy.", "models.control:set_policy"),
    Command(
        "eval humaneval",
        "Evaluate models and workflows on HumanEval.",
        "models.evaluate:evaluate_humaneval",
    ),
    Command(
        "eval debate",
        "Compare debates with one strong answer.",
        "models.evaluate_debate:evaluate_debate",
    ),
    Command(
        "eval simulation",
        "Measure how COGO chooses while models fail, change and arrive, in virtual time.",
        "models.evaluate_simulation:evaluate_simulation",
    ),
    Command(
        "eval routing",
        "Measure how well COGO chooses models, on recorded answers.",
        "models.evaluate_routing:evaluate_routing",
    ),
    Command(
        "embeddings list",
        "List stored embeddings, the newest first.",
        "models.embeddings:list_embeddings",
    ),
    Command("embeddings forget", "Delete stored embeddings.", "models.embeddings:forget"),
    Command(
        "memory add",
        "Add documents to memory, in chunks that are found by meaning and by words.",
        "memory.add:add",
    ),
    Command("memory remember", "Remember facts.", "memory.add:remember"),
    Command(
        "memory list", "List documents and facts, the newest first.", "memory.show:list_memory"
    ),
    Command(
        "memory search",
        "Search memory by meaning and by words, best first.",
        "memory.search:search",
    ),
    Command(
        "memory show",
        "Show a fact, a chunk, or a document with all of its chunks.",
        "memory.show:show_memory",
    ),
    Command(
        "memory forget",
        "Delete facts and documents that meet all conditions, with their vectors.",
        "memory.forget:forget_memory",
    ),
    Command(
        "memory export",
        "Write all documents and facts of an owner as lines of JSON, without vectors.",
        "memory.show:export_memory",
    ),
    Command(
        "memory status",
        "Show how much is remembered, by which model it is found, and what waits.",
        "memory.show:show_status",
    ),
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
    Command(
        "local-model show",
        "Show whether the local model is installed and runs.",
        "local.local_model:show",
    ),
    Command(
        "local-model install", "Download and install the local model.", "local.local_model:install"
    ),
    Command(
        "local-model remove",
        "Delete the local model from the cache directory.",
        "local.local_model:remove",
    ),
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
