"""Agents: the orchestrator, which runs workflows, and the executors, which call models.

Each package imports only those below it::

    executor   orchestrator   the two processes: run_executor, run_orchestrator
         workflows            types of tasks, their steps, and the texts of prompts
    selection    tools        the choice of a model for a step: choose_model; what models may call
    middleware   runtime      limits around each call; claim, lease, heartbeat, drain
    attachments  sandbox      files of tasks; where code of models runs
    errors  extraction        errors that the owner of a task can correct; code and data in answers
           fetching           URLs of allowed hosts

One task, from claim to result:

1. The pool of an orchestrator (`runtime.pool`) claims the flow, `runtime.lease` extends its lease,
   and `runtime.attempt.run_attempt` calls `orchestrator.flows.runner.FlowRunner.handle`.
2. `workflows.engine.advance` validates the task and replays its workflow, which asks for steps;
   `orchestrator.cio.Cio` chooses a model for each, `orchestrator.flows.stamping` stamps it. The
   flow suspends until steps have ended, hands over to a last step, or ends with a result.
3. The pool of an executor that serves the model claims the subtask. `executor.service.Executor`
   builds the request (`executor.request`), calls the model through `providers.router.Router` and
   the middleware, sends progress and checkpoints, and builds the result (`executor.response`).
   A model that may call tools is asked turn by turn (`executor.tool_loop`).
4. `runtime.completion_batcher.CompletionBatcher` stores the result. After an error
   `executor.failure_policy` decides: retry, reroute to the orchestrator, snooze, or give up.

The public names are in `__all__`; `cogo` wires the rest.
"""

__all__ = ["workflows"]
