-- Each table that refers to an owner or to something of an owner. `via` says by what its column refers;
-- `fate` what an erasure does: delete, forget (the row stays, without the owner), or keep for a while
-- what outer indexes need to delete their copies. A test compares this with the catalogue.
create or replace function cogo.list_erasure_rules()
  returns table (name text, via text, col text, fate text, is_exported boolean)
  language sql immutable set search_path = pg_catalog, pg_temp
as $$
  values
    ('public.cogo_tasks', 'owner', 'owner', 'delete', true),
    ('cogo.subtasks', 'task', 'task_id', 'delete', true),
    ('cogo.subtask_payloads', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.subtask_outputs', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.checkpoints', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.turns', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.dependencies', 'task', 'task_id', 'delete', false),
    ('cogo.flows', 'task', 'task_id', 'delete', true),
    ('cogo.events', 'task', 'task_id', 'delete', true),
    ('public.cogo_attempts', 'task', 'task_id', 'delete', true),
    ('public.cogo_model_selections', 'task', 'task_id', 'delete', true),
    ('public.cogo_ratings', 'task', 'task_id', 'delete', true),
    ('public.cogo_approvals', 'task', 'task_id', 'delete', true),
    ('public.cogo_sent_events', 'task', 'task_id', 'delete', true),
    ('cogo.budget_waits', 'task', 'task_id', 'delete', false),
    ('cogo.child_tasks', 'task', 'child_id', 'delete', false),
    ('cogo.wakes', 'task', 'child_id', 'delete', false),
    ('cogo.outcomes', 'subtask', 'subtask_id', 'delete', false),
    ('cogo.judgements', 'subtask', 'subtask_id', 'delete', true),
    ('cogo.judgement_quotas', 'owner', 'owner', 'delete', false),
    ('cogo.ai_refusals', 'task', 'task_id', 'delete', false),
    ('cogo.task_words', 'task', 'task_id', 'delete', false),
    ('cogo.follow_ups', 'task', 'task_id', 'delete', false),
    ('cogo.extractions', 'task', 'task_id', 'delete', false),
    ('cogo.reservations', 'owner', 'owner', 'delete', false),
    ('public.cogo_sessions', 'owner', 'owner', 'delete', true),
    ('public.cogo_messages', 'owner', 'owner', 'delete', true),
    ('cogo.session_summaries', 'session', 'session_seq', 'delete', true),
    ('cogo.forgotten_sessions', 'session', 'session_seq', 'keep', false),
    ('public.cogo_documents', 'owner', 'owner', 'delete', true),
    ('cogo.document_parts', 'owner', 'owner', 'delete', true),
    ('public.cogo_memories', 'owner', 'owner', 'delete', true),
    ('cogo.memory_words', 'memory', 'memory_id', 'delete', false),
    ('cogo.memory_vectors', 'memory', 'id', 'delete', false),
    ('cogo.embedding_queue', 'memory', 'memory_id', 'delete', false),
    ('cogo.vector_changes', 'owner', 'owner', 'keep', false),
    ('public.cogo_embeddings', 'owner', 'owner', 'delete', true),
    ('cogo.unindexed_embeddings', 'owner', 'owner', 'delete', false),
    ('cogo.cached_answers', 'owner', 'owner', 'delete', true),
    ('cogo.api_keys', 'owner', 'owner', 'delete', true),
    ('cogo.grants', 'owner', 'owner', 'delete', true),
    ('public.cogo_project_members', 'owner', 'user_id', 'delete', true),
    ('cogo.policies', 'owner', 'owner', 'delete', true),
    ('cogo.owners', 'owner', 'owner', 'delete', true),
    ('cogo.budgets', 'text', 'key', 'delete', true),
    ('public.cogo_calls', 'owner', 'owner', 'forget', true),
    ('cogo.ai_cells', 'owner', 'owner', 'forget', true),
    ('cogo.usage_sums', 'owner', 'owner', 'delete', false),
    ('public.cogo_ratings', 'owner', 'person', 'delete', false),
    ('public.cogo_approvals', 'owner', 'answered_by', 'forget', false),
    ('public.cogo_approvals', 'text', 'by', 'forget', false),
    ('public.cogo_approvals', 'text', 'escalate_to', 'forget', false),
    ('public.cogo_sent_events', 'owner', 'sent_by', 'forget', false),
    ('public.cogo_model_switches', 'scope', 'scope', 'forget', false),
    ('public.cogo_actions', 'mention', 'subject', 'forget', true)
$$;
comment on function cogo.list_erasure_rules is
  'Return what an erasure and an export do with each table that refers to an owner.';

create or replace function cogo.build_owner_condition(p_via text, p_column text)
  returns text language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format(
    case p_via
      when 'owner' then 't.%I = $1'
      when 'text' then 't.%I = $1::text'
      when 'scope' then 't.%I = ''owner:'' || $1'
      when 'mention' then 'strpos(t::text, $1::text) > 0'
      when 'task' then 't.%I in (select k.id from public.cogo_tasks k where k.owner = $1)'
      when 'subtask' then
        't.%I in (select s.id from cogo.subtasks s join public.cogo_tasks k on k.id = s.task_id '
        'where k.owner = $1)'
      when 'session' then 't.%I in (select e.seq from public.cogo_sessions e where e.owner = $1)'
      when 'memory' then 't.%I in (select m.id from public.cogo_memories m where m.owner = $1)'
    end, p_column
  )
$$;
comment on function cogo.build_owner_condition is
  'Return the condition on rows t of a table that belong to owner $1, by one of our rules.';

create or replace function cogo.count_owned(p_owner uuid)
  returns jsonb language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_counts jsonb := '{}';
  v_rule record;
  v_number bigint;
begin
  for v_rule in select r.* from cogo.list_erasure_rules() r where r.fate <> 'keep' loop
    execute format(
      'select count(*) from %s t where %s', v_rule.name,
      cogo.build_owner_condition(v_rule.via, v_rule.col)
    ) into v_number using p_owner;
    if v_number > 0 then
      v_counts := cogo.add_counts(v_counts, jsonb_build_object(v_rule.name, v_number));
    end if;
  end loop;
  return v_counts;
end;
$$;
comment on function cogo.count_owned is 'Return the number of rows that refer to an owner, by table.';

create or replace function cogo.add_counts(p_some jsonb, p_more jsonb)
  returns jsonb language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(s.key, s.rows), '{}')
    from (
      select e.key, sum(e.value::bigint) as rows
        from (
          select * from jsonb_each_text(p_some) union all select * from jsonb_each_text(p_more)
        ) as e
       group by e.key
      having sum(e.value::bigint) > 0
    ) as s
$$;
comment on function cogo.add_counts is 'Return the sums of numbers by name, without zeros.';
