-- The database as it is: one object a file, in the order in which they can be created.
-- The migrations are generated from these files by `scripts/migrations`.
--
-- What users touch is in `public` and starts with `cogo_`; what only agents touch is in schema
-- `cogo`, which is not exposed. Agents reach it through RPCs that only `service_role` may execute.
--
-- Lock order, the one rule: lane rows by name, then owner rows by id, then task rows by seq, then
-- their subtasks by seq. Clocks of lanes come last and are never waited for.
-- Budgets by their key are locked only by what holds none of these, but for one running attempt.
--   * Whoever changes the state of a subtask holds the row lock of its task, taken in an earlier
--     statement. That is what makes the numbers of events gapless and counters such as
--     `deps_left` safe.
--   * `claim`, `promote` and `reap` wait for no task and no subtask: they skip what is locked.
--     `extend` takes no task lock and skips locked rows, so it can be part of no circle.
--   * Row locks are `for no key update`: `for update` would collide with foreign keys.
--
-- One clock: `cogo.now()`. No statement reads the time of a client.

create schema if not exists cogo;
comment on schema cogo is 'COGO''s own: leases, payloads, events. Not exposed to the API.';

revoke all on schema cogo from public, anon;
-- `authenticated` needs it because the views in `public` run with the rights of who reads them.
grant usage on schema cogo to authenticated, service_role;
