// The pages of AI columns: all of them, or one.

import { Column } from "/console/columns/column.js";
import { ColumnList } from "/console/columns/list.js";
import { h } from "/console/vendor/preact.js";

export const Page = ({ params: [id] }) => (id ? h(Column, { id }) : h(ColumnList));
