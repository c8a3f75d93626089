create or replace function cogo.spent_usd(p_scope text, p_key text, p_since timestamptz)
  returns numeric
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(sum(c.cost_usd), 0)
    from public.cogo_calls c
   where c.started_at >= p_since
     and case
       when p_scope = 'total' then true
       when p_scope = 'provider' then c.provider = p_key
       when p_key = 'anonymous' then cogo.is_anonymous(c.owner)
       -- Nobody's in particular.
       when p_key = '*' then false
       else c.owner is not distinct from nullif(p_key, '00000000-0000-0000-0000-000000000000')::uuid
     end;
$$;
comment on function cogo.spent_usd(text, text, timestamptz) is
  'What the calls that count towards a cap have cost since then, from the audit.';

revoke all on function cogo.spent_usd(text, text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function cogo.spent_usd(text, text, timestamptz) to service_role;
