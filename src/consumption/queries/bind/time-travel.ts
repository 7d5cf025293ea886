import type { ResolvedTable } from '../../../catalog/contract.ts';
import { LochError } from '../../../core/errors.ts';
import type { SyntaxNode } from '../../../engines/contract.ts';
import type { TableUse } from '../gate/inspect-statement.ts';
import { literalOf } from './literals.ts';

/** Where a statement travels to: a snapshot, or a time that the table's own log answers. */
export interface TravelTarget {
  readonly snapshotId?: string;
  readonly asOf?: number;
}

/**
 * The snapshot that `AT (VERSION => …)` or `AT (TIMESTAMP => …)` names: an id, a branch or tag, or the one current then;
 * of a Delta or Hudi table its version or instant.
 * **Errors**: `invalid_argument` naming the oldest snapshot kept; `unsupported` for a table without snapshots.
 */
export function timeTravelOf(table: ResolvedTable, use: TableUse): TravelTarget {
  const { metadata, record } = table;
  const clause = use.timeTravel!;
  const literal = literalOf(clause.expr as SyntaxNode);
  const context = use.position === undefined ? {} : { position: use.position };
  const foreign = record.format === 'delta' || record.format === 'hudi';
  if (metadata === undefined && !foreign) {
    throw new LochError('unsupported', `\`${use.table}\` has no snapshots: time travel needs an Iceberg table.`, {
      context,
    });
  }
  if (literal === undefined) {
    throw new LochError('unsupported', 'Time travel takes a literal: a snapshot id, a branch or tag, or a timestamp.', {
      context,
    });
  }
  const byVersion = String(clause.unit).toUpperCase() === 'VERSION';
  if (metadata === undefined) return byVersion ? { snapshotId: literal.text } : { asOf: timeOf(literal.text) };
  const id = byVersion
    ? (metadata.refs[literal.text]?.['snapshot-id'] ?? literal.text)
    : currentAt(table, literal.text);
  if (id !== undefined && metadata.snapshots.some((snapshot) => snapshot['snapshot-id'] === id)) {
    return { snapshotId: id };
  }
  const oldest = metadata.snapshots[0];
  const kept =
    oldest === undefined
      ? 'It has no snapshots.'
      : `The oldest kept is ${oldest['snapshot-id']} of ${new Date(oldest['timestamp-ms']).toISOString()}.`;
  throw new LochError('invalid_argument', `\`${use.table}\` has no snapshot for ${literal.text}. ${kept}`, { context });
}

function currentAt(table: ResolvedTable, text: string): string | undefined {
  const at = timeOf(text);
  const entry = table.metadata!['snapshot-log'].findLast((log) => log['timestamp-ms'] <= at);
  return entry?.['snapshot-id'];
}

/** **Units**: milliseconds since 1970 UTC; a text without a zone is UTC. */
function timeOf(text: string): number {
  const zoned = /(Z|[+-]\d{2}:?\d{2}| UTC)$/i.test(text);
  const at = Date.parse(zoned ? text.replace(/ UTC$/i, 'Z').replace(' ', 'T') : `${text.replace(' ', 'T')}Z`);
  if (Number.isNaN(at)) throw new LochError('invalid_argument', `\`${text}\` is not a timestamp.`);
  return at;
}
