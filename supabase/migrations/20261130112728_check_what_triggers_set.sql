-- Check what triggers set.

-- Functions may refer to what is created later in this file.
set local check_function_bodies = off;

drop trigger check_subtask on cogo.subtasks;

create or replace trigger validate_subtask BEFORE INSERT OR UPDATE ON cogo.subtasks FOR EACH ROW EXECUTE FUNCTION cogo.check_subtask();

comment on function cogo.order_turns(uuid[],text[],integer[],uuid[],integer[],integer) is
  'Return the turns that come first among locked subtasks, within the capacity of lanes and owners.';

insert into cogo.schema_versions (version) values ('20261130112728')
on conflict (version) do nothing;
