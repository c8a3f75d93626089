-- Functions find types in pg_temp before pg_catalog unless their search_path names both: whoever may
-- create temporary types could have run code with the rights of a function's owner.

do $$
declare
  v_function regprocedure;
begin
  for v_function in
    select p.oid::regprocedure
      from pg_catalog.pg_proc p
      join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where (n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\_%')
       and p.proconfig && array['search_path=""']
  loop
    execute pg_catalog.format(
      'alter function %s set search_path = pg_catalog, pg_temp', v_function
    );
  end loop;
end;
$$;

insert into cogo.schema_versions (version) values ('20261129150000')
on conflict (version) do nothing;
