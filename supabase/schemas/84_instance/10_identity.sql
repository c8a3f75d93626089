create or replace function cogo.normalize_host(p_host text)
  returns text language sql immutable
  return case
    when btrim(lower(p_host), ' []') ~
         '^(localhost|.*\.localhost|127(\.\d{1,3}){3}|::1|0\.0\.0\.0|::|host\.docker\.internal)\.?$'
    then 'loopback'
    else nullif(rtrim(btrim(lower(p_host), ' []'), '.'), '')
  end;
comment on function cogo.normalize_host is
  'Return the host of an address as cogo.instance has it: loopback for all names of this machine, null
for an empty one.';

-- Security definer: every caller must get the same answer, whoever may read the control file; where its
-- owner may not, the rest has to do. The identifier is that of initdb: a dump that is restored elsewhere
-- has another, a physical copy has the same. The embedded server adds the place of its data directory
-- (cogo.place), so that a copied directory differs. What the file says is the same as long as the server
-- runs, so a connection reads it once: every claim asks.
create or replace function cogo.read_system_identifier()
  returns text language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
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
$$;
comment on function cogo.read_system_identifier is
  'Return what distinguishes this database from a copy: the system identifier, the oid of the database,
and the place of the data, if the server tells it.';

create or replace function cogo.instance_problem(p_host text default null)
  returns text language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  v_identifier constant text := cogo.read_system_identifier();
  v_host constant text := cogo.normalize_host(p_host);
  v_others text;
  v_own cogo.instance;
begin
  select string_agg(array_to_string(i.hosts, ', '), ', ' order by i.adopted_at) into v_others
    from cogo.instance i where i.system_identifier <> v_identifier;
  if v_others is not null then
    return format(
      'this database was adopted on another server (address %s): it is a copy, or was restored or '
      'upgraded. If it may spend on its own: `cogo adopt`', v_others
    );
  end if;
  select i.* into v_own from cogo.instance i;
  if not found then
    return null;
  elsif v_host <> all (v_own.hosts) then
    return format(
      'this database was adopted at another address (%s) than %s: it is a copy, or this is a second '
      'address of it. If it may spend on its own: `cogo adopt`',
      array_to_string(v_own.hosts, ', '), v_host
    );
  elsif v_own.inherited_to is not null or v_host is null and v_own.verified_until < cogo.now() then
    return format(
      'no agent has lately reached this database at its address (%s). If it has another now: '
      '`cogo adopt`',
      array_to_string(v_own.hosts, ', ')
    );
  end if;
  return null;
end;
$$;
comment on function cogo.instance_problem is
  'Return why nothing may run by itself here, as a sentence: this is not the server, or p_host not an
address, that was adopted. Null if it may. Without p_host, an agent must have verified it in the last
five minutes.';
