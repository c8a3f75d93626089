"""Plans of COORDINATE and AUTO: what models propose, made safe and put in order. Pure.

- `blueprint`: the parts of COORDINATE. `proposal`: the steps of AUTO, and everything that can be
  wrong with them; `templates` replace a proposal that cannot be used, `estimates` say its price.
- `waves`: what can be done at the same time. `interfaces`: what a step sees of the files of others.
- `merging`: the files of several steps as one program; `whole`: what is known of it.
- `plan_progress`: what has become of the steps so far; `coordination` adds the rest of COORDINATE,
  `steps_result` makes of it the result of AUTO. `do_steps` does the steps of both.
"""
