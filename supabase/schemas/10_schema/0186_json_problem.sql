-- JSON in Postgres may be thousands of levels deep, and its numbers may have thousands of digits.
-- Python's parser stops at 1,000 levels and 4,300 digits, pydantic at 255 levels, and a double at
-- 1.8e308.
create or replace function cogo.json_problem(p_value jsonb)
  returns text
  language sql
  immutable
  return case
    when jsonb_typeof(p_value) in ('string', 'boolean', 'null') or p_value in ('{}', '[]') then null
    -- `strict`, or each array would be walked twice. The first test goes no deeper than its level,
    -- so it ends well for any value, and the second is made of what is not deep.
    when jsonb_path_exists(p_value, 'strict $.**{100}') then
      'is nested more than 100 levels deep'
    when jsonb_path_exists(p_value, 'strict $.** ? (
      @ > 1.7976931348623157e308 || @ < -1.7976931348623157e308
    )') then
      'holds a number beyond 1.8e308'
  end;
comment on function cogo.json_problem(jsonb) is
  'Why programs in other languages cannot read a value, as the end of a sentence; null when they can.';

revoke all on function cogo.json_problem(jsonb) from public, anon, authenticated, service_role;
grant execute on function cogo.json_problem(jsonb) to service_role;
