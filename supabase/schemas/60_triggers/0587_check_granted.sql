-- Definer: a person inserts, and may not read what is granted. Names that only the catalogue knows
-- cannot be judged here once a whole provider is granted; the stamp judges them.
create or replace function cogo.check_granted()
  returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_owner uuid := coalesce(new.owner, '00000000-0000-0000-0000-000000000000');
begin
  if exists (
    select from cogo.grants g where g.owner = v_owner and g.kind <> 'priority'
  ) and not exists (
    select from cogo.grants g
     where g.owner = v_owner
       and (g.kind = 'provider' or g.kind in ('model', 'alias') and g.name = lower(new.model))
  ) then
    raise exception using
      errcode = 'TQ007',
      message = format(
        'model %s is not granted to this owner; granted are %s', left(new.model, 100),
        cogo.granted_text(cogo.granted(new.owner))
      );
  end if;
  return null;
end;
$$;
comment on function cogo.check_granted() is
  'Refuses a task that asks for a model that operators have not granted to its owner.';

revoke all on function cogo.check_granted() from public, anon, authenticated, service_role;

create or replace trigger check_granted
  after insert on public.cogo_tasks
  for each row when (new.model is not null) execute function cogo.check_granted();
