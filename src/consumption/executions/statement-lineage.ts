/** What a statement leaves for lineage: what it read, into what, by columns where that is sure. */
import type { LineageEnd, LineageFlow } from '../../catalog/contract.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StatementOutcome } from '../../processing/contract.ts';
import { tokensOf } from '../queries/gate/sql-tokens.ts';

type Read = Pick<StatementOutcome, 'tables' | 'columnFlows' | 'views'>;
const tableEnd = (name: TableName): LineageEnd => ({ kind: 'table', ...name });

/** A statement's text without literals and comments, its words one space apart: the same for repeats of it. */
function statementShape(sql: string): string {
  return tokensOf(sql)
    .filter(({ kind, text }) => kind !== 'comment' && text !== ';')
    .map(({ kind, text }) => (kind === 'string' || kind === 'number' ? '?' : text))
    .join(' ');
}

/** Where the rows of a SELECT go when they leave the lake. */
export function queryEnd(asked: { readonly principal: string; readonly sql: string }): LineageEnd {
  return { kind: 'query', principal: asked.principal, statement: statementShape(asked.sql) };
}

/** The flows of a statement into one end (a query's, or a table that it wrote), and one for each view that it reads. */
export function flowsOfStatement(
  outcome: Read,
  run: Pick<LineageFlow, 'job' | 'runId'>,
  output: LineageEnd,
): LineageFlow[] {
  return [flowInto(outcome, run, output), ...viewFlows(outcome, run.runId)].filter(({ inputs }) => inputs.length > 0);
}

function viewFlows(outcome: Read, runId: string): LineageFlow[] {
  return (outcome.views ?? []).map((view) =>
    flowInto(view, { job: `view/${view.name.database}.${view.name.table}`, runId }, tableEnd(view.name)),
  );
}

function flowInto(
  read: Pick<Read, 'tables' | 'columnFlows'>,
  run: Pick<LineageFlow, 'job' | 'runId'>,
  output: LineageEnd,
): LineageFlow {
  const direct = read.tables.filter(({ inside }) => inside !== true);
  const inputs = direct.map(({ name }) => tableEnd(name));
  if (read.columnFlows === undefined) return { ...run, inputs, outputs: [output] };
  return {
    ...run,
    inputs,
    outputs: [output],
    columns: read.columnFlows.map((flow) => ({
      output: flow.output,
      inputs: flow.inputs.map(({ table, column }) => ({ end: tableEnd(table), column })),
    })),
    reads: direct.flatMap(({ name, columns }) => columns.map((column) => ({ end: tableEnd(name), column }))),
  };
}
