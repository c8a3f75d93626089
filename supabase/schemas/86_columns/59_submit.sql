create or replace function cogo.submit_cells(
  p_column cogo.ai_columns, p_owner uuid, p_priority integer, p_tries integer, p_keys jsonb[],
  p_hashes bytea[], p_prompts text[]
)
  returns text language plpgsql set search_path = pg_catalog, pg_temp
  -- Fixed plans by index: see supabase/README.md.
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
  set enable_hashjoin = off set enable_mergejoin = off set enable_material = off
as $$
declare
  v_version cogo.ai_column_versions;
  v_shape jsonb;
  v_key text;
  v_id uuid;
  v_is_vector boolean;
begin
  select v.* into v_version
    from cogo.ai_column_versions v
   where v.column_id = p_column.id and v.version = p_column.version;
  v_shape := cogo.describe_column(
    p_column.table_id, p_column.column_number, v_version.schema, v_version.params
  );
  v_is_vector := v_shape ->> 'kind' = 'vector';
  v_key := cogo.identify_task(
    p_column.id, p_owner, p_column.version,
    array(
      select k.key::text || encode(k.hash, 'hex')
        from unnest(p_keys, p_hashes) with ordinality as k (key, hash, nth) order by k.nth
    ), p_tries
  );
  begin
    insert into public.cogo_tasks (
      type, prompt, params, priority, owner, model, preferences, budget_usd, stream, idempotency_key,
      column_id, project
    ) values (
      case when v_is_vector then 'EMBED' else 'CHAT' end,
      case
        when v_is_vector then format(
          '%s.%s: %s texts', cogo.show_table(p_column.table_id), p_column.column_name,
          cardinality(p_keys)
        )
        else p_prompts[1]
      end,
      cogo.build_column_params(v_version, v_shape, p_prompts),
      -- Edits come before old rows.
      case p_priority when 0 then 5 else 9 end,
      p_owner, v_version.model, v_version.preferences,
      p_column.max_usd_per_row * cardinality(p_keys), false, v_key, p_column.id,
      p_column.project
    )
    on conflict do nothing
    returning id into v_id;
  exception
    when sqlstate 'TQ004' or sqlstate 'TQ007' or sqlstate 'TQ008' or sqlstate 'TQ009' then
      return sqlerrm;
  end;
  if v_id is null then
    select t.id into v_id
      from public.cogo_tasks t
     where t.idempotency_key = v_key and t.owner is not distinct from p_owner
       and t.column_id = p_column.id;
    if not found then
      -- Somebody has just taken the key for a task of their own: the next time there is another one.
      return '';
    end if;
  end if;
  update cogo.ai_cells c
     set asks = case when c.asks_from > cogo.now() - interval '1 hour' then c.asks else 0 end + 1,
         asks_from = case
           when c.asks_from > cogo.now() - interval '1 hour' then c.asks_from else cogo.now()
         end,
         state = 'asked', task_id = v_id, place = k.nth - 1, version = p_column.version,
         source_hash = k.hash, owner = p_owner, asked_at = cogo.now(), due_at = cogo.now()
    from unnest(p_keys, p_hashes) with ordinality as k (key, hash, nth)
   where c.column_id = p_column.id and c.key = k.key;
  return null;
end;
$$;
comment on function cogo.submit_cells is
  'Submit one task for cells of one owner; return why it was refused, or null.';
