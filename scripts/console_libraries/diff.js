export { diffArrays, diffLines, diffWords, structuredPatch } from "diff";
