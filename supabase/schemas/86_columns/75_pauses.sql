create or replace function cogo.announce_pause(p_column cogo.ai_columns)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  perform cogo.notify(
    'cogo-tasks', 'COLUMN_PAUSED',
    jsonb_build_object(
      'column_id', p_column.id, 'table', cogo.show_table(p_column.table_id),
      'column', p_column.column_name, 'reason', p_column.paused_reason,
      'until', case
        when p_column.paused_until < 'infinity' then cogo.iso_timestamp(p_column.paused_until)
      end
    ),
    cogo.current_actor()
  );
end;
$$;
comment on function cogo.announce_pause is 'Send COLUMN_PAUSED.';

create or replace function cogo.pause_for_cap(p_column cogo.ai_columns, p_refusal cogo.ai_refusals)
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns;
begin
  update cogo.ai_columns c
     set paused_until = coalesce(p_refusal.resets_at, 'infinity'),
         paused_reason = left(p_refusal.detail, 2000),
         paused_limit = jsonb_build_object(
           'scope', p_refusal.scope, 'key', p_refusal.key, 'per', p_refusal.per,
           'limit_usd', p_refusal.limit_usd, 'allow_unpriced', p_refusal.allow_unpriced
         )
   where c.id = p_column.id and c.paused_until is null
  returning c.* into v_column;
  -- Told once, however many tasks it has refused.
  if found then
    perform cogo.announce_pause(v_column);
  end if;
end;
$$;
comment on function cogo.pause_for_cap is 'Pause an AI column until a cap is reset or raised.';

create or replace function cogo.end_pause(p_column cogo.ai_columns)
  returns cogo.ai_columns language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_column cogo.ai_columns := p_column;
  v_limit numeric;
  v_allows boolean;
begin
  if v_column.paused_until is null then
    return v_column;
  end if;
  select b.limit_usd + b.extra_usd, b.allow_unpriced into v_limit, v_allows
    from cogo.budgets b
   where (b.scope, b.key, b.per) = (
           v_column.paused_limit ->> 'scope', v_column.paused_limit ->> 'key',
           v_column.paused_limit ->> 'per'
         );
  if v_column.paused_until <= cogo.now()
     or coalesce(v_limit > (v_column.paused_limit ->> 'limit_usd')::numeric, true)
     or v_allows and not (v_column.paused_limit ->> 'allow_unpriced')::boolean then
    update cogo.ai_columns c
       set paused_until = null, paused_limit = null,
           paused_reason = case when c.paused_at is not null then c.paused_reason end
     where c.id = v_column.id
    returning c.* into v_column;
  end if;
  return v_column;
end;
$$;
comment on function cogo.end_pause is
  'End the pause of an AI column if its cap was reset, raised or removed; return the column.';
