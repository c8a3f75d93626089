create or replace function cogo.granted_text(p_granted jsonb)
  returns text
  language sql
  immutable
  set search_path = ''
as $$
  select concat_ws(
    ' and ',
    (select string_agg(m.name, ', ') from jsonb_array_elements_text(p_granted -> 'models') m (name)),
    (
      select 'everything of ' || string_agg(p.name, ', ')
        from jsonb_array_elements_text(p_granted -> 'providers') p (name)
    )
  );
$$;
comment on function cogo.granted_text(jsonb) is 'What cogo.granted() gave, in words.';

revoke all on function cogo.granted_text(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.granted_text(jsonb) to service_role;
