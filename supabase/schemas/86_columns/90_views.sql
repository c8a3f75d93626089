create or replace view public.cogo_columns
  with (security_invoker = true)
as
  select c.id, format('%I.%I', s.nspname, r.relname) as table_name, c.column_name, c.type, c.version,
         v.prompt, v.model, v.preferences, v.params, v.schema, v.source_names as sources,
         c.owner_name as owner_column, c.overwrite, c.open_tasks, c.max_usd_per_row,
         (
           select b.limit_usd from cogo.budgets b
            where b.scope = 'column' and b.key = c.id::text and b.per = 'day'
         ) as max_usd_per_day,
         (
           select b.limit_usd from cogo.budgets b
            where b.scope = 'column' and b.key = c.id::text and b.per = 'ever'
         ) as max_usd,
         trim_scale(
           cogo.spent_usd('column', c.id::text, cogo.period_start('day', cogo.now()))
         ) as spent_today_usd,
         trim_scale(coalesce(n.usd, 0)) as spent_usd,
         coalesce(n.pending, 0) as pending, coalesce(n.asked, 0) as asked, coalesce(n.done, 0) as done,
         coalesce(n.stale, 0) as stale, coalesce(n.failed, 0) as failed, coalesce(n.kept, 0) as kept,
         c.paused_at,
         case when c.paused_until < 'infinity' then c.paused_until end as paused_until, c.paused_reason,
         coalesce(cogo.instance_problem(), cogo.find_column_problem(c)) as standing_still,
         coalesce(
           c.error, case
             when c.outages >= 10 then format(
               'the last %s tasks failed, so one row is asked for every 30 seconds: %s', c.outages,
               c.outage
             )
             when c.outages > 0 then 'the last task failed: ' || c.outage
           end
         ) as error,
         case when c.backfill_total is not null then jsonb_build_object(
           'total', c.backfill_total,
           'done', greatest(
             0, c.backfill_total - coalesce(c.backfill_left, 0) - coalesce(n.waiting, 0)
           ),
           'from', c.backfill_at
         ) end as backfill,
         c.created_at, c.changed_at, c.key_names as key_columns, v.sources as named_sources,
         c.project
    from cogo.ai_columns c
    join pg_catalog.pg_class r on r.oid = c.table_id
    join pg_catalog.pg_namespace s on s.oid = r.relnamespace
    join cogo.ai_column_versions v on v.column_id = c.id and v.version = c.version
    left join lateral (
      select sum(k.cells) filter (where k.state in ('pending', 'asked'))::bigint as pending,
             sum(k.cells) filter (where k.state = 'asked')::bigint as asked,
             sum(k.cells) filter (where k.state = 'done' and k.version = c.version)::bigint as done,
             sum(k.cells) filter (where k.state = 'done' and k.version <> c.version)::bigint as stale,
             sum(k.cells) filter (where k.state = 'failed')::bigint as failed,
             sum(k.cells) filter (where k.state = 'kept')::bigint as kept,
             sum(k.cells) filter (
               where k.state in ('pending', 'asked') and k.priority = 1
             )::bigint as waiting,
             sum(k.usd) as usd
        from cogo.ai_counts k where k.column_id = c.id
    ) as n on true;
comment on view public.cogo_columns is
  'AI columns, with the numbers of their cells by state, what they have spent and why they do nothing.
named_sources are the sources as the prompt names them, also after they were renamed.';

create or replace view public.cogo_column_versions
  with (security_invoker = true)
as
  select v.column_id, v.version, v.prompt, v.model, v.preferences, v.params, v.schema, v.sources,
         v.created_at
    from cogo.ai_column_versions v;
comment on view public.cogo_column_versions is 'What AI columns ask for, and asked for before.';

create or replace view public.cogo_column_cells
  with (security_invoker = true)
as
  select e.column_id, format('%I.%I', s.nspname, r.relname) as table_name, c.column_name, e.key,
         case
           when e.state = 'asked' then 'pending'
           when e.state = 'done' and e.version <> c.version then 'stale'
           else e.state
         end as state,
         e.reason, e.model, trim_scale(round(e.cost_usd, 12)) as cost_usd, e.task_id, e.version,
         e.owner, e.asked_at, e.done_at,
         e.state as stored_state
    from cogo.ai_cells e
    join cogo.ai_columns c on c.id = e.column_id
    join pg_catalog.pg_class r on r.oid = c.table_id
    join pg_catalog.pg_namespace s on s.oid = r.relnamespace;
comment on view public.cogo_column_cells is
  'The state of each value of AI columns. key is the primary key of its row, as a list in the order of
key_columns. stored_state is pending, asked (its task is open), done (also stale), failed or kept:
filter by it for speed. Users see the cells of rows that are theirs.';

create or replace view cogo.ai_samples
  with (security_invoker = true)
as
  select null::jsonb as key, null::uuid as owner, null::text as type, null::text as prompt,
         null::jsonb as params, null::text as model, null::jsonb as preferences,
         null::numeric as budget_usd
   where false;
comment on view cogo.ai_samples is
  'The type of the rows that cogo.preview_ai_column() returns, whose parameters have the same names.';
