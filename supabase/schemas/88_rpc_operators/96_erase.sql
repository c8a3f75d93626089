create or replace function public.cogo_erase_owner(
  p_owner uuid, p_limit integer default 100, p_requested_by text default null,
  p_dry_run boolean default false
)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit constant integer := least(greatest(coalesce(p_limit, 100), 1), 1000);
  v_cancelled integer;
  v_counts jsonb;
  v_open bigint;
begin
  if p_owner is null or p_owner = '00000000-0000-0000-0000-000000000000' then
    raise exception using errcode = 'TQ004', message = 'p_owner must name an owner';
  elsif length(p_requested_by) > 200 then
    raise exception using errcode = 'TQ008', message = 'p_requested_by has more than 200 characters';
  elsif p_dry_run then
    return jsonb_build_object('is_done', false, 'erased', cogo.count_owned(p_owner));
  end if;
  perform cogo.set_operator(p_requested_by, null);
  insert into cogo.erasures (owner_sha256, requested_by)
  values (encode(sha256(convert_to(p_owner::text, 'UTF8')), 'hex'), p_requested_by)
  on conflict (owner_sha256) where finished_at is null do nothing;
  -- One kind a call, so that its locks are those of one kind.
  v_cancelled := cogo.cancel_owned(p_owner, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_counts := cogo.erase_memory(p_owner, v_limit * 10);
  if v_counts = '{}' then
    v_counts := cogo.erase_sessions(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    select count(*) into v_open from public.cogo_tasks t where t.owner = p_owner;
    if v_open > 0 then
      return jsonb_build_object('is_done', false, 'waiting', v_open, 'erased', '{}'::jsonb);
    end if;
    v_counts := cogo.forget_owner_of_records(p_owner, v_limit * 10);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_traces(p_owner);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.count_owned(p_owner);  -- of rows that somebody else has locked
    if v_counts = '{}' then
      return cogo.close_erasure(p_owner);
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  update cogo.erasures e
     set counts = cogo.add_counts(e.counts, v_counts)
   where e.owner_sha256 = encode(sha256(convert_to(p_owner::text, 'UTF8')), 'hex')
     and e.finished_at is null;
  return jsonb_build_object('is_done', false, 'erased', v_counts);
end;
$$;
comment on function public.cogo_erase_owner is
  'For operators: erase a batch of all that belongs to an owner. Call it until is_done: then receipt is
a text with the rows by table, and sha256 its hash. `waiting` tasks are cancelled and still held by
agents. Calls and cells of AI columns stay without owner, tasks and prompts. p_dry_run only counts.';

create or replace function cogo.close_erasure(p_owner uuid)
  returns jsonb language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_erasure cogo.erasures;
  v_receipt text;
begin
  update cogo.erasures e
     set finished_at = cogo.now()
   where e.owner_sha256 = encode(sha256(convert_to(p_owner::text, 'UTF8')), 'hex')
     and e.finished_at is null
  returning * into v_erasure;
  v_receipt := jsonb_build_object(
    'id', v_erasure.id, 'owner', p_owner, 'requested_by', v_erasure.requested_by,
    'started_at', v_erasure.started_at, 'finished_at', v_erasure.finished_at,
    'erased', v_erasure.counts,
    'pending_in_indexes', (select count(*) from cogo.vector_changes c where c.owner = p_owner)
  )::text;
  update cogo.erasures e
     set receipt_sha256 = encode(sha256(convert_to(v_receipt, 'UTF8')), 'hex')
   where e.id = v_erasure.id
  returning e.receipt_sha256 into v_erasure.receipt_sha256;
  return jsonb_build_object(
    'is_done', true, 'erased', '{}'::jsonb, 'receipt', v_receipt,
    'sha256', v_erasure.receipt_sha256
  );
end;
$$;
comment on function cogo.close_erasure is
  'End the erasure of an owner of whom nothing is left; return its receipt.';

create or replace function public.cogo_export_owner(
  p_owner uuid, p_table text, p_after jsonb default null, p_limit integer default 500
)
  returns table (place jsonb, data jsonb)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule record;
  v_keys text[];
  v_condition text;
begin
  select r.* into v_rule from cogo.list_erasure_rules() r where r.name = p_table and r.is_exported;
  if v_rule is null or p_owner is null then
    raise exception using errcode = 'TQ004',
      message = 'p_owner must name an owner, and p_table a table of cogo_export_tables()';
  end if;
  select array_agg(a.attname order by array_position(i.indkey::int2[], a.attnum)) into v_keys
    from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
   where i.indrelid = v_rule.name::regclass and i.indisprimary;
  v_condition := cogo.build_owner_condition(v_rule.via, v_rule.col);
  return query execute format(
    'select jsonb_build_object(%s), to_jsonb(t) - ''hash'' from %s t where %s '
    'and ($2 is null or (%s) > (select %s from jsonb_populate_record(null::%s, $2) r)) '
    'order by %s limit $3',
    (select string_agg(format('%L, t.%I', k, k), ', ') from unnest(v_keys) as k), v_rule.name,
    v_condition, (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k),
    (select string_agg(format('r.%I', k), ', ') from unnest(v_keys) as k), v_rule.name,
    (select string_agg(format('t.%I', k), ', ') from unnest(v_keys) as k)
  ) using p_owner, p_after, least(greatest(coalesce(p_limit, 500), 1), 5000);
end;
$$;
comment on function public.cogo_export_owner is
  'For operators: return rows of a table that belong to an owner, after `place` of the last one.';

create or replace function public.cogo_export_tables()
  returns table (name text)
  language sql stable set search_path = pg_catalog, pg_temp
as $$
  select r.name from cogo.list_erasure_rules() r where r.is_exported;
$$;
comment on function public.cogo_export_tables is
  'For operators: the tables whose rows cogo_export_owner() returns.';
