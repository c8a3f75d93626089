"""The policies, each one small class; `agents.selection.choose.POLICIES` maps names to them."""
