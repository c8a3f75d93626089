"""The HTTP gateway: tasks, swarms, models, OpenAI's format, and the console.

A request passes `middleware` (origin, limits, access log) to a route of `routes`, whose
`dependencies` authenticate it (`auth`) and provide the services. Work becomes a task: `tasks`
submits it and waits for it, `streams` follows it, from rows and live text (`protocol.transcript`).
`limits` bounds requests, connections and slow clients; `problems` has the errors; `console` is the
web page.

Public: `app.create_app`, with `dependencies.GatewayServices` and `options.GatewayOptions`. The
caller provides the services, among them a `models.ModelDirectory`: the gateway never calls a model.
"""

__all__ = ["app", "dependencies", "middleware", "models", "options", "problems"]
