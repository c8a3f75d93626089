-- Security definer: rows of the audit log are only added, and only functions of ours write cells; this
-- one takes away whose they are.
create or replace function cogo.forget_owner_of_records(p_owner uuid, p_limit integer)
  returns jsonb language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_cells integer;
  v_calls integer;
  v_sums integer := 0;
begin
  with found as materialized (
    select c.column_id, c.key from cogo.ai_cells c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update cogo.ai_cells c
     set owner = null, reason = null,
         -- One that is asked finds its task gone by this.
         task_id = case when c.state = 'asked' then c.task_id end
    from found f where c.column_id = f.column_id and c.key = f.key;
  get diagnostics v_cells = row_count;
  with found as materialized (
    select c.id, c.outcome from public.cogo_calls c where c.owner = p_owner limit p_limit
       for no key update skip locked
  )
  update public.cogo_calls c
     set owner = null, task_id = null, subtask_id = null, prompt = null, prompt_sha256 = null
    from found f where c.id = f.id and c.outcome = f.outcome;
  get diagnostics v_calls = row_count;
  if v_calls > 0 then
    v_sums := cogo.drop_changed_sums(p_owner, null);
  end if;
  return cogo.add_counts(
    '{}', jsonb_build_object(
      'cogo.ai_cells', v_cells, 'public.cogo_calls', v_calls, 'cogo.usage_sums', v_sums
    )
  );
end;
$$;
comment on function cogo.forget_owner_of_records is
  'Take the owner, the tasks and the prompts from cells of AI columns and calls; the amounts stay.';

-- Security definer: nobody may change the log of actions; this one takes a name out of it.
create or replace function cogo.forget_owner_in_actions(p_owner uuid)
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$
  update public.cogo_actions a
     set who = replace(a.who, p_owner::text, 'erased'), subject = 'erased', before = null,
         after = null, reason = null
   where strpos(a::text, p_owner::text) > 0;
$$;
comment on function cogo.forget_owner_in_actions is
  'Take an owner out of the log of actions: when it was, its kind and who did it stay.';

create or replace function cogo.erase_traces(p_owner uuid)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_nobody constant uuid := '00000000-0000-0000-0000-000000000000';
  v_tables constant text[] := array[
    'public.cogo_ratings', 'public.cogo_approvals', 'public.cogo_sent_events',
    'public.cogo_model_switches', 'cogo.cached_answers', 'cogo.api_keys', 'cogo.grants',
    'public.cogo_project_members', 'cogo.policies', 'cogo.owners', 'cogo.reservations', 'cogo.budgets',
    'cogo.judgement_quotas', 'public.cogo_actions'
  ];
  v_counts constant jsonb := cogo.add_counts('{}', (
    select coalesce(jsonb_object_agg(c.key, c.value), '{}')
      from jsonb_each(cogo.count_owned(p_owner)) c where c.key = any (v_tables)
  ));
begin
  delete from cogo.owners o where o.owner = p_owner;
  delete from cogo.judgement_quotas q where q.owner = p_owner;
  -- In tasks of others: what they were asked and what came of it stays.
  delete from public.cogo_ratings r where r.person = p_owner;
  update public.cogo_approvals a
     set answered_by = case when a.answered_by = p_owner then v_nobody else a.answered_by end,
         answered_who = nullif(a.answered_who, 'user:' || p_owner),
         comment = case when a.answered_by = p_owner then null else a.comment end,
         by = case when a.by = p_owner::text then 'operators' else a.by end,
         escalate_to = case when a.escalate_to = p_owner::text then 'operators'
                            else a.escalate_to end
   where a.answered_by = p_owner or a.by = p_owner::text or a.escalate_to = p_owner::text
      or a.answered_who = 'user:' || p_owner;
  update public.cogo_sent_events e set sent_by = v_nobody where e.sent_by = p_owner;
  update public.cogo_model_switches w
     set scope = 'owner:erased' where w.scope = 'owner:' || p_owner;
  delete from cogo.cached_answers c where c.owner = p_owner;
  delete from cogo.api_keys k where k.owner = p_owner;
  delete from cogo.grants g where g.owner = p_owner;
  delete from public.cogo_project_members m where m.user_id = p_owner;
  delete from cogo.policies p where p.owner = p_owner;
  delete from cogo.reservations r where r.owner = p_owner;
  delete from cogo.budgets b where b.scope = 'owner' and b.key = p_owner::text;
  -- Last: the above is recorded.
  perform cogo.forget_owner_in_actions(p_owner);
  return v_counts;
end;
$$;
comment on function cogo.erase_traces is
  'Erase what is left of an owner without tasks: settings, keys, and names in tasks of others.';
