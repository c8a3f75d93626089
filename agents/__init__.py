"""Agents: the orchestrator, which plans tasks, and the executors, which call models.

Each package imports only those below it::

    executor   orchestrator   the two processes: run_executor, run_orchestrator
         workflows            types of tasks, their steps, and the texts of prompts
         selection            the choice of a model for a step: choose_model
    middleware   runtime      limits around each call; claim, lease, heartbeat, drain
           errors             errors that the owner of a task can correct

One task, from claim to result:

1. The pool of an orchestrator (`runtime.pool`) claims PLAN, `runtime.lease` extends its lease,
   and `runtime.attempt.run_attempt` calls `orchestrator.planner.Cio.handle`.
2. `workflows.registry.build_step` validates the task, `selection.choose.choose_model` chooses a
   model, `orchestrator.plan_builder.build_plan` stamps the subtasks; completing PLAN stores them.
3. The pool of an executor that serves the model claims the subtask. `executor.service.Executor`
   builds the request (`executor.request`), calls the model through `providers.router.Router` and
   the middleware, sends progress and checkpoints, and builds the result (`executor.response`).
4. `runtime.completion_batcher.CompletionBatcher` stores the result. After an error
   `executor.failure_policy` decides: retry, reroute to the orchestrator, snooze, or give up.

The public names are in `__all__`; `cogo` wires the rest.
"""

__all__ = ["workflows"]
