import type { LineageEnd, LineageFlow } from './contract.ts';
import { keyOf } from './ends.ts';
import type { LineageRow } from './store.ts';

/** Longest text of a query that is kept. **Units**: characters. */
const MOST_TEXT = 4_000;

/** The edges of a flow: every input with every output, but for a thing with itself. */
export function edgesOfFlow(flow: LineageFlow, at: number): LineageRow[] {
  const outputs = [...new Set(flow.outputs.map(keyOf))];
  return [...new Set(flow.inputs.map(keyOf))].flatMap((source) => {
    const columns = flow.columns === undefined ? null : JSON.stringify(pairsOf(flow, source));
    return outputs
      .filter((target) => target !== source)
      .map((target): LineageRow => ({ source, target, job: flow.job, run_id: flow.runId, at, columns }));
  });
}

/** Pairs of columns; one that is read into no column stands with an empty name. */
function pairsOf({ columns = [], reads = [] }: LineageFlow, source: string): [string, string][] {
  const pairs = columns.flatMap(({ output, inputs }) =>
    inputs
      .filter(({ end }) => keyOf(end) === source)
      .map(({ column }): [string, string] => [column.toLowerCase(), output.toLowerCase()]),
  );
  const told = new Set(pairs.map(([column]) => column));
  const others = reads.filter(({ end }) => keyOf(end) === source).map(({ column }) => column.toLowerCase());
  return [
    ...pairs,
    ...[...new Set(others)].filter((column) => !told.has(column)).map((column): [string, string] => [column, '']),
  ];
}

/** The queries among the outputs of a flow, with their texts. */
export function statementsOfFlow(flow: LineageFlow, at: number): { key: string; text: string; at: number }[] {
  return flow.outputs
    .filter((end): end is Extract<LineageEnd, { kind: 'query' }> => end.kind === 'query')
    .map((end) => ({ key: keyOf(end), text: end.statement.slice(0, MOST_TEXT), at }));
}
