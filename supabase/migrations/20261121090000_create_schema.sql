-- Generated from supabase/schemas by scripts/migrations: edit there.

-- schemas/0100_cogo.sql
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

-- schemas/0110_schema_versions.sql
create table if not exists cogo.schema_versions (
  version text not null primary key,
  applied_at timestamptz not null default clock_timestamp()
);
comment on table cogo.schema_versions is
  'One row per migration, written by the migration itself: tells agents what a database has.';

alter table cogo.schema_versions enable row level security;
revoke all on cogo.schema_versions from public, anon, authenticated, service_role;
grant select on cogo.schema_versions to service_role;

-- schemas/0120_now.sql
-- The one clock. Tests move it with `set cogo.fake_now`; clients of the API cannot, since they
-- have no way to set a configuration parameter.
create or replace function cogo.now()
  returns timestamptz
  language sql
  volatile
  return coalesce(
    nullif(current_setting('cogo.fake_now', true), '')::timestamptz, clock_timestamp()
  );
comment on function cogo.now() is 'The time; the setting cogo.fake_now when it is set (tests).';

revoke all on function cogo.now() from public, anon, authenticated, service_role;
grant execute on function cogo.now() to authenticated, service_role;

-- schemas/0130_iso.sql
create or replace function cogo.iso(p_at timestamptz)
  returns text
  language sql
  stable
  return to_char(p_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function cogo.iso(timestamptz) is
  'A time as messages spell it: UTC with milliseconds, whatever the time zone of the session.';

revoke all on function cogo.iso(timestamptz) from public, anon, authenticated, service_role;
grant execute on function cogo.iso(timestamptz) to service_role;

-- schemas/0135_milliseconds.sql
create or replace function cogo.milliseconds(p_from timestamptz, p_to timestamptz)
  returns bigint
  language sql
  immutable
  return case
    when p_to < p_from then 0 else round(extract(epoch from p_to - p_from) * 1000)::bigint
  end;
comment on function cogo.milliseconds(timestamptz, timestamptz) is
  'Whole milliseconds between two times, never negative; null when one is unknown.';

revoke all on function cogo.milliseconds(timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.milliseconds(timestamptz, timestamptz) to service_role;

-- schemas/0136_retry_after.sql
create or replace function cogo.retry_after(p_seconds numeric)
  returns interval
  language sql
  immutable
  -- NaN counts as the greatest number.
  return case
    when p_seconds > 0 then make_interval(secs => least(p_seconds, 86400)::float8)
    when p_seconds <= 0 then interval '0'
  end;
comment on function cogo.retry_after(numeric) is
  'How long a deployment rests and a subtask waits that are to be left alone for so many seconds:
at most a day, then the vendor is asked again. Null when nobody said.';

revoke all on function cogo.retry_after(numeric)
  from public, anon, authenticated, service_role;
grant execute on function cogo.retry_after(numeric) to service_role;

-- schemas/0140_task_moves.sql
-- Equal to TASK_MOVES in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.task_moves()
  returns text[]
  language sql
  immutable
  return array[
    'pending>running', 'pending>held', 'pending>failed', 'pending>cancelled', 'running>held',
    'running>completed', 'running>failed', 'running>cancelled', 'held>pending', 'held>running',
    'held>failed', 'held>cancelled', 'failed>pending', 'failed>running'
  ];
comment on function cogo.task_moves() is
  'Every change of status that a task may make, as from>to.';

revoke all on function cogo.task_moves() from public, anon, authenticated, service_role;
grant execute on function cogo.task_moves() to service_role;

-- schemas/0150_subtask_moves.sql
-- Equal to SUBTASK_MOVES in protocol/lifecycle.py; a test compares all pairs.
create or replace function cogo.subtask_moves()
  returns text[]
  language sql
  immutable
  return array[
    'blocked>queued', 'blocked>delayed', 'blocked>waiting', 'blocked>held', 'blocked>cancelled',
    'queued>running', 'queued>held', 'queued>cancelled', 'queued>failed', 'queued>delayed',
    'delayed>queued', 'delayed>held', 'delayed>cancelled', 'delayed>failed', 'waiting>queued',
    'waiting>completed', 'waiting>failed', 'waiting>held', 'waiting>cancelled', 'held>blocked',
    'held>queued', 'held>delayed', 'held>waiting', 'held>cancelled', 'running>queued',
    'running>delayed', 'running>waiting', 'running>completed', 'running>failed',
    'running>cancelled', 'running>held', 'failed>queued', 'cancelled>blocked',
    'cancelled>queued'
  ];
comment on function cogo.subtask_moves() is
  'Every change of status that a subtask may make, as from>to.';

revoke all on function cogo.subtask_moves() from public, anon, authenticated, service_role;
grant execute on function cogo.subtask_moves() to service_role;

-- schemas/0160_is_operator.sql
-- `current_user` would be the owner inside a definer function; the parameter `role` keeps what
-- the API set for this request, and is 'none' on a direct connection.
create or replace function cogo.is_operator()
  returns boolean
  language sql
  stable
  return coalesce(nullif(current_setting('role', true), 'none'), session_user::text)
         in ('service_role', 'postgres', 'supabase_admin');
comment on function cogo.is_operator() is
  'Whether the caller may act for every owner: the secret key, or a direct connection as owner.';

revoke all on function cogo.is_operator() from public, anon, authenticated, service_role;
grant execute on function cogo.is_operator() to service_role;

-- schemas/0170_standing.sql
create or replace function cogo.standing(
  p_task_status text,
  p_deps_left integer,
  p_needs_approval boolean,
  p_run_at timestamptz,
  p_now timestamptz
)
  returns text
  language sql
  immutable
  return case
    when p_task_status = 'held' then 'held'
    when p_deps_left > 0 then 'blocked'
    when p_needs_approval then 'waiting'
    when p_run_at > p_now then 'delayed'
    else 'queued'
  end;
comment on function cogo.standing(text, integer, boolean, timestamptz, timestamptz) is
  'Where an open subtask that nobody runs stands, from the facts that decide it.';

revoke all on function cogo.standing(text, integer, boolean, timestamptz, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.standing(text, integer, boolean, timestamptz, timestamptz)
  to service_role;

-- schemas/0180_to_uuid.sql
create or replace function cogo.to_uuid(p_text text)
  returns uuid
  language sql
  immutable
  return case
    when p_text ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then p_text::uuid
  end;
comment on function cogo.to_uuid(text) is 'The uuid that a text spells, or null.';

revoke all on function cogo.to_uuid(text) from public, anon, authenticated, service_role;
grant execute on function cogo.to_uuid(text) to authenticated, service_role;

-- schemas/0185_to_integer.sql
create or replace function cogo.to_integer(p_text text)
  returns integer
  language sql
  immutable
  return case when p_text ~ '^[0-9]{1,9}$' then p_text::integer end;
comment on function cogo.to_integer(text) is
  'The number from 0 to 999999999 that a text spells, or null.';

revoke all on function cogo.to_integer(text) from public, anon, authenticated, service_role;
grant execute on function cogo.to_integer(text) to service_role;

-- schemas/0186_json_problem.sql
-- JSON in Postgres may be thousands of levels deep, and its numbers may have thousands of digits.
-- Python's parser stops at 1,000 levels and 4,300 digits, pydantic at 255 levels, and a double at
-- 1.8e308.
create or replace function cogo.json_problem(p_value jsonb)
  returns text
  language sql
  immutable
  return case
    when jsonb_typeof(p_value) in ('string', 'boolean', 'null') or p_value in ('{}', '[]') then null
    -- `strict`, or each array would be walked twice. The first test goes no deeper than its level,
    -- so it ends well for any value, and the second is made of what is not deep.
    when jsonb_path_exists(p_value, 'strict $.**{100}') then
      'is nested more than 100 levels deep'
    when jsonb_path_exists(p_value, 'strict $.** ? (
      @ > 1.7976931348623157e308 || @ < -1.7976931348623157e308
    )') then
      'holds a number beyond 1.8e308'
  end;
comment on function cogo.json_problem(jsonb) is
  'Why programs in other languages cannot read a value, as the end of a sentence; null when they can.';

revoke all on function cogo.json_problem(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.json_problem(jsonb) to service_role;

-- schemas/0187_check_size.sql
create or replace function cogo.check_size(
  p_field text, p_size bigint, p_limit bigint default 10000, p_unit text default 'characters'
)
  returns void
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  if p_size > p_limit then
    raise exception using
      errcode = 'TQ008',
      message = format('%s has %s %s; the limit is %s', p_field, p_size, p_unit, p_limit);
  end if;
end;
$$;
comment on function cogo.check_size(text, bigint, bigint, text) is
  'Raises TQ008 for what is larger than its limit.';

revoke all on function cogo.check_size(text, bigint, bigint, text)
  from public, anon, authenticated, service_role;
grant execute on function cogo.check_size(text, bigint, bigint, text) to service_role;

-- schemas/0188_time_problem.sql
-- A day less than what Python holds at both ends, so that it is a time in every zone.
create or replace function cogo.time_problem(p_at timestamptz)
  returns text
  language sql
  immutable
  return case
    when p_at not between '0001-01-02 00:00:00+00' and '9999-12-30 00:00:00+00' then
      'must be a time between the years 1 and 9999; leave it out for none'
  end;
comment on function cogo.time_problem(timestamptz) is
  'Why not every program can read a time, as the end of a sentence; null when all can.';

revoke all on function cogo.time_problem(timestamptz)
  from public, anon, authenticated, service_role;

-- schemas/0189_plausible.sql
-- Some vendors report counts that no model can have used, or that are no numbers. Unknown is null and
-- never 0, and nothing here raises: an attempt must be able to end, whatever is said of it.
create or replace function cogo.plausible(p_usage jsonb)
  returns jsonb
  language sql
  immutable
  return case when jsonb_typeof(p_usage) = 'object' then p_usage || coalesce(
    (
      select jsonb_object_agg(
               read.key,
               case
                 when read.number > read.most then null
                 when read.kind = 'usd' then read.number
                 when read.kind = 'ms' or read.number = trunc(read.number) then round(read.number)
               end
             )
        from (
          select known.key, known.kind, case known.kind when 'usd' then 1e6 else 1e12 end as most,
                 case
                   -- With an exponent of two digits at most, so that no number here is long.
                   when p_usage ->> known.key ~ '^[0-9]{1,30}(\.[0-9]{0,60})?([eE][-+]?[0-9]{1,2})?$'
                   then (p_usage ->> known.key)::numeric
                 end as number
            from (
              values ('input_tokens', 'count'), ('cached_tokens', 'count'),
                     ('cache_write_tokens', 'count'), ('output_tokens', 'count'),
                     ('reasoning_tokens', 'count'), ('first_token_ms', 'ms'),
                     ('duration_ms', 'ms'), ('cost_usd', 'usd'), ('max_usd', 'usd')
            ) as known (key, kind)
           where p_usage ? known.key
        ) as read
    ), '{}'
  ) end;
comment on function cogo.plausible(jsonb) is
  'What was used, with null for every count, duration and cost that cannot be true. Null unless an
object was given.';

revoke all on function cogo.plausible(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.plausible(jsonb) to service_role;

-- schemas/0190_actor.sql
create or replace function cogo.actor()
  returns text
  language sql
  stable
  return coalesce(nullif(current_setting('cogo.agent_id', true), ''), 'cogo-database');
comment on function cogo.actor() is
  'Who does this: the agent whose RPC this transaction is, else cogo-database.';

revoke all on function cogo.actor() from public, anon, authenticated, service_role;
grant execute on function cogo.actor() to service_role;

-- schemas/0195_act_as.sql
-- The name is kept for this transaction only, where triggers read it as the source of messages.
create or replace function cogo.act_as(p_agent_id text)
  returns void
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  if coalesce(p_agent_id, '') = '' then
    raise exception using errcode = 'TQ004', message = 'p_agent_id must name the calling agent';
  end if;
  perform set_config('cogo.agent_id', p_agent_id, true);
end;
$$;
comment on function cogo.act_as(text) is
  'Notes which agent this transaction belongs to. Raises TQ004 when it has no name.';

revoke all on function cogo.act_as(text) from public, anon, authenticated, service_role;
grant execute on function cogo.act_as(text) to service_role;

-- schemas/0197_fading.sql
create or replace function cogo.fading(
  p_since timestamptz, p_now timestamptz, p_half_seconds double precision
)
  returns double precision
  language sql
  immutable
  set search_path = ''
as $$
  select power(0.5, least(greatest(extract(epoch from p_now - p_since) / p_half_seconds, 0), 1000));
$$;
comment on function cogo.fading(timestamptz, timestamptz, double precision) is
  'What is left of the weight of something that old, from 1 to 0: half after so many seconds.';

revoke all on function cogo.fading(timestamptz, timestamptz, double precision)
  from public, anon, authenticated, service_role;
grant execute on function cogo.fading(timestamptz, timestamptz, double precision) to service_role;

insert into cogo.schema_versions (version) values ('20261121090000')
on conflict (version) do nothing;
