create or replace function cogo.find_task_labels(p_task_id uuid)
  returns table (column_id uuid, project text, tags text[])
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
           t.column_id,
           (
             select r.column_id
               from cogo.child_tasks k join public.cogo_tasks r on r.id = k.root_id
              where k.child_id = t.id
           )
         ), t.project, t.tags
    from public.cogo_tasks t where t.id = p_task_id;
$$;
comment on function cogo.find_task_labels is
  'Return the AI column that a task, or the task above it, answers, with its project and tags.';

create or replace function cogo.show_column(p_id uuid)
  returns text language sql stable set search_path = pg_catalog, pg_temp
as $$
  select format('%I.%I.%I', n.nspname, r.relname, c.column_name)
    from cogo.ai_columns c
    join pg_catalog.pg_class r on r.oid = c.table_id
    join pg_catalog.pg_namespace n on n.oid = r.relnamespace
   where c.id = p_id;
$$;
comment on function cogo.show_column is 'Return the name of an AI column, with its table and schema.';

create or replace function cogo.note_refusal(
  p_call public.cogo_calls, p_answer text, p_scope text, p_key text, p_per text, p_limit numeric,
  p_allow_unpriced boolean, p_detail text, p_resets_at timestamptz, p_usd numeric
)
  returns void language sql set search_path = pg_catalog, pg_temp
as $$
  insert into cogo.ai_refusals as r (
    task_id, column_id, scope, key, per, limit_usd, allow_unpriced, detail, resets_at, usd
  )
  select p_call.task_id, c.id, p_scope, p_key, p_per, p_limit, p_allow_unpriced, p_detail,
         p_resets_at, p_usd
    from cogo.ai_columns c
   where p_answer = 'refused' and c.id = p_call.column_id and p_call.task_id is not null
  on conflict (task_id) do update
    set scope = excluded.scope, key = excluded.key, per = excluded.per,
        limit_usd = excluded.limit_usd, allow_unpriced = excluded.allow_unpriced,
        detail = excluded.detail, resets_at = excluded.resets_at, usd = excluded.usd;
$$;
comment on function cogo.note_refusal is
  'Note which cap has refused a call for an AI column: its task''s end does not tell.';
