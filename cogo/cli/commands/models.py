"""The commands of models."""

from typing import Final

from cogo.cli.command import Command

MODELS: Final = (
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
)
