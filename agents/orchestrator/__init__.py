"""The orchestrator process: plans and routes. Start at `service.run_orchestrator`."""
