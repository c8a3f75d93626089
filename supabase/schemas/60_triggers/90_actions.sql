-- Security definer: nobody may write the log of actions, so that nobody can change what it says.
create or replace function cogo.add_action(
  p_kind text, p_subject text, p_before jsonb, p_after jsonb
)
  returns void language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.cogo_actions (who, kind, subject, before, after, reason)
  values (
    cogo.current_who(), p_kind, p_subject, p_before, p_after,
    left(cogo.read_operator() ->> 'reason', 2000)
  );
end;
$$;
comment on function cogo.add_action is 'Add a row to the log of actions, in the name of the caller.';

create or replace function cogo.record_action()
  returns trigger language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_hidden constant text[] := string_to_array(tg_argv[2], ',');
  v_before jsonb := to_jsonb(old);
  v_after jsonb := to_jsonb(new);
  v_subject text;
begin
  select coalesce(string_agg(p.part, ':' order by k.nth), 'all') into v_subject
    from unnest(string_to_array(tg_argv[1], ',')) with ordinality as k (name, nth)
   cross join lateral (
     select case coalesce(v_after, v_before) ->> k.name
              when '00000000-0000-0000-0000-000000000000' then 'none'
              else nullif(coalesce(v_after, v_before) ->> k.name, '')
            end as part
   ) as p;
  if v_before ->> 'hash' <> v_after ->> 'hash' then
    v_after := v_after || '{"key": "replaced"}';
  end if;
  if tg_op = 'UPDATE' then
    select jsonb_object_agg(n.key, v_before -> n.key), jsonb_object_agg(n.key, n.value)
      into v_before, v_after
      from jsonb_each(v_after) n
     where n.value is distinct from v_before -> n.key and n.key <> all (v_hidden);
    if v_after is null then
      return null;
    end if;
  end if;
  perform cogo.add_action(tg_argv[0], v_subject, v_before - v_hidden, v_after - v_hidden);
  return null;
end;
$$;
comment on function cogo.record_action is
  'Record a change of a control, also one by plain SQL. Arguments: the kind, the columns that name the
subject, and those that are not shown. Of triggers.';

-- Claims change only the buckets, and calls only what is spent: neither runs a trigger.
create or replace trigger record_action
  after insert or delete or update of lane, paused, max_running, per_minute on cogo.lanes
  for each row execute function cogo.record_action('lane', 'lane', 'lane,tokens,refilled_at');
create or replace trigger record_action
  after insert or delete or update of owner, paused, max_running, per_minute on cogo.owners
  for each row execute function cogo.record_action('owner', 'owner', 'owner,tokens,refilled_at');
create or replace trigger record_action
  after insert or delete or update on cogo.controls
  for each row execute function cogo.record_action('model', 'subject', 'subject,who,set_at');
create or replace trigger record_action
  after insert or delete or update on cogo.policies
  for each row execute function cogo.record_action('policy', 'owner', 'owner,who,set_at');
create or replace trigger record_action
  after insert or delete or update on public.cogo_project_members
  for each row execute function cogo.record_action(
    'member', 'project,user_id', 'project,user_id,added_at'
  );
create or replace trigger record_action
  after insert or update of id, name, hash, owner, scopes, expires_at, revoked_at, project
  on cogo.api_keys
  for each row execute function cogo.record_action('key', 'id', 'id,hash,created_at,last_used_at');
-- The deletion of one that has ended changes nothing.
create or replace trigger record_deletion
  after delete on cogo.api_keys
  for each row when (old.revoked_at is null and coalesce(old.expires_at > cogo.now(), true))
  execute function cogo.record_action('key', 'id', 'id,hash,created_at,last_used_at');
-- Not what follows from the default: an owner's first call, and a change of the default itself.
create or replace trigger record_action
  after update of scope, key, per, limit_usd, allow_unpriced, is_default on cogo.budgets
  for each row when (not (old.is_default and new.is_default))
  execute function cogo.record_action(
    'budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start'
  );
create or replace trigger record_raise
  after update of extra_usd on cogo.budgets
  for each row when (new.extra_usd > old.extra_usd)
  execute function cogo.record_action(
    'budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start'
  );
create or replace trigger record_insertion
  after insert on cogo.budgets
  for each row when (not new.is_default)
  execute function cogo.record_action(
    'budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start'
  );
create or replace trigger record_deletion
  after delete on cogo.budgets
  for each row when (not old.is_default)
  execute function cogo.record_action(
    'budget', 'scope,key,per', 'scope,key,per,is_default,spent_usd,period_start'
  );
create or replace trigger record_action
  after insert or delete or update on cogo.spending_stop
  for each row execute function cogo.record_action('spending', '', 'id');
create or replace trigger record_action
  after insert or delete or update of owner_sha256, requested_by on cogo.erasures
  for each row execute function cogo.record_action(
    'erasure', 'id', 'id,counts,started_at,finished_at,receipt_sha256'
  );
create or replace trigger record_action
  after insert or delete or update of hosts on cogo.instance
  for each row execute function cogo.record_action(
    'instance', 'system_identifier',
    'system_identifier,adopted_at,adopted_by,verified_until,inherited_to'
  );
create or replace trigger record_action
  after insert or delete
     or update of version, overwrite, open_tasks, max_usd_per_row, paused_at, owner_name, project
     on cogo.ai_columns
  for each row execute function cogo.record_action(
    'column', 'id',
    'table_oid,column_number,key_numbers,owner_number,error,error_at,errors,outages,outage,'
    'outage_at,layout,sweep_after,backfill_states,backfill_at,backfill_after,backfill_left,'
    'backfill_total,'
    'created_at,changed_at,paused_until,paused_limit'
  );
