create or replace function cogo.owner_level(p_owner uuid, p_priority smallint)
  returns smallint
  language sql
  stable
  set search_path = ''
as $$
  select coalesce(
    (
      select greatest(p_priority, g.name::smallint)
        from cogo.grants g where g.owner = p_owner and g.kind = 'priority'
    ), 5::smallint
  );
$$;
comment on function cogo.owner_level(uuid, smallint) is
  'What a priority counts among owners: the priority itself down to the one that operators granted the
owner, and 5 for an owner without such a grant. The nil uuid stands for no owner.';

revoke all on function cogo.owner_level(uuid, smallint)
  from public, anon, authenticated, service_role;
grant execute on function cogo.owner_level(uuid, smallint) to service_role;
