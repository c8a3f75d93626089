-- Read identifier once.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

create or replace function cogo.read_system_identifier()
 RETURNS text
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
declare
  v_identifier text := nullif(current_setting('cogo.system_identifier', true), '');
begin
  if v_identifier is null then
    begin
      select c.system_identifier::text into v_identifier from pg_catalog.pg_control_system() c;
      perform set_config('cogo.system_identifier', v_identifier, false);
    exception when insufficient_privilege or undefined_function then
      null;
    end;
  end if;
  return concat_ws(
    '/', coalesce(v_identifier, 'unknown'),
    (select d.oid from pg_catalog.pg_database d where d.datname = current_database()),
    nullif(current_setting('cogo.place', true), '')
  );
end;
$function$;

insert into cogo.schema_versions (version) values ('20261130095602')
on conflict (version) do nothing;
