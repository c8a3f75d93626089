create or replace function cogo.create_owner_caps(p_owner_keys text[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
begin
  -- In the order of the locks below. A second transaction that does the same waits for the first.
  if exists (select from cogo.budgets d where d.scope = 'owner' and d.key = '*') then
    insert into cogo.budgets (
      scope, key, per, limit_usd, allow_unpriced, is_default, period_start, spent_usd
    )
    select 'owner', o.key, d.per, d.limit_usd, d.allow_unpriced, true,
           cogo.period_start(d.per, v_now),
           cogo.spent_usd('owner', o.key, cogo.period_start(d.per, v_now))
      from (select distinct unnest(p_owner_keys) as key) as o
      join cogo.budgets d on d.scope = 'owner' and d.key = '*'
     where o.key <> '00000000-0000-0000-0000-000000000000'
       and not exists (
         select from cogo.budgets b
          where b.scope = 'owner' and b.key = o.key and (b.per = d.per or not b.is_default)
       )
     order by o.key, d.per
    on conflict do nothing;
  end if;
end;
$$;
comment on function cogo.create_owner_caps is
  'Give owners without a cap of their own the default one.';

create or replace function cogo.lock_budgets(
  p_owner_keys text[], p_providers text[], p_column_ids uuid[], p_projects text[]
)
  returns setof cogo.budgets language plpgsql set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := cogo.now();
begin
  perform cogo.create_owner_caps(p_owner_keys);
  perform
     from cogo.budgets b
    where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
       or b.scope = 'provider' and b.key = any (p_providers)
       or b.scope = 'column' and b.key = any (p_column_ids::text[])
       or b.scope = 'project' and b.key = any (p_projects)
    order by b.scope, b.key, b.per
      for no key update;
  return query
    update cogo.budgets b
       set spent_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.spent_usd
           end,
           extra_usd = case
             when b.period_start < cogo.period_start(b.per, v_now) then 0 else b.extra_usd
           end,
           period_start = greatest(b.period_start, cogo.period_start(b.per, v_now))
     where b.scope = 'total' or b.scope = 'owner' and b.key = any (p_owner_keys)
        or b.scope = 'provider' and b.key = any (p_providers)
        or b.scope = 'column' and b.key = any (p_column_ids::text[])
        or b.scope = 'project' and b.key = any (p_projects)
    returning b.*;
end;
$$;
comment on function cogo.lock_budgets is
  'Lock the caps that apply to calls, by key, and begin new periods; return them. Owners without a cap
of their own get the default one.';

create or replace function cogo.name_cap(p_scope text, p_key text)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return case p_scope
    when 'task' then 'the task''s budget'
    when 'total' then 'the cap on everything'
    when 'project' then 'the cap of project ' || p_key
    when 'column' then 'the cap of the AI column ' || coalesce(cogo.show_column(p_key::uuid), p_key)
    else case p_key
      when 'anonymous' then 'the cap that all anonymous sign-ins share'
      when '00000000-0000-0000-0000-000000000000' then 'the cap on tasks without an owner'
      else format('the cap of %s %s', p_scope, p_key)
    end
  end;
end;
$$;
comment on function cogo.name_cap is 'Return the name of a cap, for a sentence.';

create or replace function cogo.evaluate_cap(
  p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean,
  p_spent numeric, p_reserved numeric, p_usd numeric,
  out answer text, out scope text, out detail text, out resets_at timestamptz
)
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_name constant text := cogo.name_cap(p_scope, p_key);
begin
  if p_usd is null then
    if p_allow_unpriced then
      return;
    end if;
    answer := 'refused';
    detail := format(
      '%s is $%s, and the price of this model is not known; '
      'give it one in cogo.toml, or allow it: `cogo budget set ... --allow-unpriced`',
      v_name, trim_scale(p_limit)
    );
  elsif p_spent + p_reserved + p_usd > p_limit then
    resets_at := cogo.period_end(p_per, cogo.now());
    -- Running calls and child tasks rarely cost all that is reserved for them, so waiting may help.
    answer := case when p_reserved > 0 and p_spent + p_usd <= p_limit then 'wait' else 'refused' end;
    detail := format(
      '%s is $%s%s: $%s are spent, $%s are reserved for what runs, $%s are left, and this call '
      'may cost up to $%s%s%s%s',
      v_name, trim_scale(p_limit), case when p_per <> 'ever' then ' a ' || p_per else '' end,
      round(p_spent, 6), round(p_reserved, 6), round(greatest(p_limit - p_spent - p_reserved, 0), 6),
      round(p_usd, 6),
      case when p_scope = 'task' then
        format(
          '; a budget of $%s would be enough',
          round(ceil((p_spent + p_reserved + p_usd) * 1e6) / 1e6, 6)
        )
      end,
      '; it resets at ' || cogo.iso_timestamp(resets_at),
      case when p_usd > p_limit and p_scope <> 'task' then
        '; one call may cost more than the whole cap: raise it, or lower params.max_output_tokens'
      end
    );
  end if;
  scope := case when answer is not null then p_scope end;
end;
$$;
comment on function cogo.evaluate_cap is
  'Return why a cap stops a call: refused, or wait if it only waits for running calls.';
