// The pages of AI columns: all of them, or one.

import { ColumnView } from "/console/columns/column.js";
import { ColumnList } from "/console/columns/list.js";
import { viewOf } from "/console/lib/hooks.js";

export const Page = viewOf((root, id) => (id ? new ColumnView(id, root) : new ColumnList(root)));
