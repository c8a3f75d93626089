create or replace function cogo.cap_problem(
  p_scope text, p_key text, p_per text, p_limit numeric, p_allow_unpriced boolean,
  p_spent numeric, p_usd numeric,
  out answer text, out scope text, out detail text, out resets_at timestamptz
)
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_reserved numeric := cogo.reserved_usd(p_scope, p_key);
  v_name text := case p_scope
    when 'task' then 'the task''s budget'
    when 'total' then 'the cap on everything'
    else case p_key
      when 'anonymous' then 'the cap that all anonymous sign-ins share'
      when '00000000-0000-0000-0000-000000000000' then 'the cap on tasks without an owner'
      else format('the cap of %s %s', p_scope, p_key)
    end
  end;
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
  elsif p_spent + v_reserved + p_usd > p_limit then
    resets_at := cogo.period_end(p_per, cogo.now());
    -- What runs now seldom costs all that is reserved for it: then waiting helps.
    answer := case when v_reserved > 0 and p_spent + p_usd <= p_limit then 'wait' else 'refused' end;
    detail := format(
      '%s is $%s%s: $%s are spent, $%s are reserved for calls that run, $%s are left, and this call '
      'may cost up to $%s%s%s',
      v_name, trim_scale(p_limit), case when p_per <> 'ever' then ' a ' || p_per else '' end,
      round(p_spent, 6), round(v_reserved, 6), round(greatest(p_limit - p_spent - v_reserved, 0), 6),
      round(p_usd, 6),
      case when p_scope = 'task' then
        format('; a budget of $%s would do', round(ceil((p_spent + v_reserved + p_usd) * 1e6) / 1e6, 6))
      end,
      '; it resets at ' || cogo.iso(resets_at)
    );
  end if;
  scope := case when answer is not null then p_scope end;
end;
$$;
comment on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric) is
  'Why a cap holds a call back: refused, or wait when only calls that run stand in the way.';

revoke all on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric)
  from public, anon, authenticated, service_role;
grant execute on function cogo.cap_problem(text, text, text, numeric, boolean, numeric, numeric)
  to service_role;
