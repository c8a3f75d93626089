create or replace function cogo.actor()
  returns text
  language sql
  stable
  return coalesce(nullif(current_setting('cogo.agent_id', true), ''), 'cogo-database');
comment on function cogo.actor() is
  'Who does this: the agent whose RPC this transaction is, else cogo-database.';

revoke all on function cogo.actor() from public, anon, authenticated, service_role;
grant execute on function cogo.actor() to service_role;
