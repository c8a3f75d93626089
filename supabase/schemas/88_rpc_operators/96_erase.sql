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
  perform cogo.begin_erasure(p_owner::text, p_requested_by);
  -- One kind a call, so that its locks are those of one kind.
  v_cancelled := cogo.cancel_erased(p_owner, null, v_limit);
  if v_cancelled > 0 then
    return jsonb_build_object('is_done', false, 'cancelled', v_cancelled, 'erased', '{}'::jsonb);
  end if;
  v_counts := cogo.erase_memory(p_owner, v_limit * 10);
  if v_counts = '{}' then
    v_counts := cogo.erase_sessions(p_owner, v_limit);
  end if;
  if v_counts = '{}' then
    v_counts := cogo.erase_tasks(p_owner, null, v_limit);
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
      return cogo.close_erasure(
        p_owner::text, jsonb_build_object(
          'owner', p_owner, 'pending_in_indexes',
          (select count(*) from cogo.vector_changes c where c.owner = p_owner)
        )
      );
    end if;
    return jsonb_build_object('is_done', false, 'left', v_counts, 'erased', '{}'::jsonb);
  end if;
  return cogo.add_erased(p_owner::text, v_counts);
end;
$$;
comment on function public.cogo_erase_owner is
  'For operators: erase a batch of all that belongs to an owner. Call it until is_done: then receipt is
a text with the rows by table, and sha256 its hash. `waiting` tasks are cancelled and still held by
agents. Calls and cells of AI columns stay without owner, tasks and prompts. p_dry_run only counts.';
