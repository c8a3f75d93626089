-- One wall for everybody who inserts: whatever passes it, each of our programs can read, and so can
-- JavaScript. A row that one reader cannot read would take all others of its page or claim with it.
-- What else is wrong is judged by the planner. docs/reference/database.md lists the limits.
-- The name is before `prepare`, which makes a session of the prompt.
create or replace function cogo.check_limits()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_field text;
  v_problem text;
begin
  perform cogo.check_size('prompt', octet_length(new.prompt), 2097152, 'bytes'),
          cogo.check_size('type', length(new.type), 255),
          cogo.check_size('model', length(new.model), 255),
          cogo.check_size('idempotency_key', length(new.idempotency_key), 255),
          cogo.check_size('params', octet_length(new.params::text), 1048576, 'bytes'),
          cogo.check_size('preferences', octet_length(new.preferences::text), 65536, 'bytes');
  select f.field, f.problem into v_field, v_problem
    from (
      values
        ('params', cogo.json_problem(new.params)),
        ('preferences', cogo.json_problem(new.preferences)),
        (
          'budget_usd',
          case when not new.budget_usd between -1e9 and 1e9 then
            'must be a finite number of US dollars, 1000000000 at most'
          end
        ),
        ('deadline', cogo.time_problem(new.deadline)),
        ('run_at', cogo.time_problem(new.run_at))
    ) as f (field, problem)
   where f.problem is not null
   limit 1;
  if found then
    raise exception using errcode = 'TQ009', message = v_field || ' ' || v_problem;
  end if;
  return new;
end;
$$;
comment on function cogo.check_limits() is
  'Refuses a task that is too large (TQ008), or holds a number or a time that not every program can
read (TQ009).';

revoke all on function cogo.check_limits() from public, anon, authenticated, service_role;

create or replace trigger check_limits
  before insert or update of
    type, prompt, params, idempotency_key, model, preferences, budget_usd, deadline, run_at
  on public.cogo_tasks
  for each row execute function cogo.check_limits();
