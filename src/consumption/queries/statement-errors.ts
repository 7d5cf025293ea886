/** Failures of a statement in the words of its caller: his positions, his names, no paths of ours, no hidden value. */
import { isLochError, LochError, toLochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import type { BoundStatement } from './bind/bind-statement.ts';

/** The caller's line and column (from 1) of a byte offset of `sql`. */
export function lineAndColumn(sql: string, position: number): { readonly line: number; readonly column: number } {
  const before = Buffer.from(sql, 'utf8').subarray(0, position).toString('utf8');
  const line = before.split('\n').length;
  return { line, column: before.length - before.lastIndexOf('\n') };
}

/**
 * The error with `line` and `column` of the caller's text. `sameText` says whether the engine saw the caller's own text;
 * if it did not (another dialect), a position would point anywhere and is left out.
 */
export function placedError(error: unknown, sql: string, sameText: boolean): LochError {
  const known = toLochError(error);
  const { position, ...rest } = known.context;
  if (typeof position !== 'number' || rest.line !== undefined) return known;
  const place = sameText ? lineAndColumn(sql, position) : nameInText(sql, known.context.name ?? known.context.table);
  if (place === undefined) {
    return new LochError(known.code, known.message, { context: rest, cause: known.cause ?? known });
  }
  return new LochError(known.code, `line ${place.line}:${place.column}: ${known.message}`, {
    context: { ...rest, ...place, ...(sameText ? { position } : {}) },
    cause: known.cause ?? known,
  });
}

/** Where a name stands in the text, if it stands there once. */
function nameInText(sql: string, name: unknown): { readonly line: number; readonly column: number } | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  const folded = sql.toLowerCase();
  const at = folded.indexOf(name.toLowerCase());
  if (at < 0 || folded.includes(name.toLowerCase(), at + 1)) return undefined;
  return lineAndColumn(sql, Buffer.byteLength(sql.slice(0, at), 'utf8'));
}

/** An engine's failure on a rendered statement, told on the statement itself. */
export function engineFailure(
  error: unknown,
  statement: BoundStatement,
  rendered: {
    originalPosition(position: number): number | undefined;
    readonly names?: ReadonlyMap<string, string>;
  },
): LochError {
  if (!isLochError(error)) return toLochError(error);
  const { position, candidates: _, ...context } = error.context;
  const original = typeof position === 'number' ? rendered.originalPosition(position) : undefined;
  const placed = { ...context, ...(original === undefined ? {} : { position: original }) };
  const missing = missingColumn(error);
  if (missing !== undefined) {
    const near = nearestNames(missing, visibleColumns(statement));
    const hint = near.length === 0 ? '' : ` Did you mean ${near.map((name) => `\`${name}\``).join(' or ')}?`;
    return new LochError('column_not_found', `Column \`${missing}\` cannot be resolved.${hint}`, {
      context: { ...placed, name: missing },
      cause: error,
    });
  }
  return new LochError(error.code, withoutPaths(error.message, rendered.names), { context: placed, cause: error });
}

/** The column that a bind error misses. Missing and not granted are the same: the scan has no such column. */
function missingColumn(error: LochError): string | undefined {
  if (error.context.phase !== 'bind') return undefined;
  if (error.context.subtype === 'COLUMN_NOT_FOUND' && typeof error.context.name === 'string') {
    return error.context.name;
  }
  return /does not have a column named "([^"]+)"/.exec(error.message)?.[1];
}

function visibleColumns(statement: BoundStatement): string[] {
  return statement.sources.flatMap((source) => {
    if (source.kind === 'table' || source.kind === 'view') {
      if (source.shape.kind === 'shaped') return [...source.shape.columns];
      return source.columns.filter((c) => c.hidden !== true).map((c) => c.name);
    }
    if (source.kind === 'system') return source.table.columns.map((c) => c.name);
    return source.kind === 'objects' ? source.input.columns.map((c) => c.name) : [];
  });
}

function withoutPaths(message: string, names: ReadonlyMap<string, string> | undefined): string {
  let text = message;
  for (const [path, name] of names ?? []) if (text.includes(path)) text = text.replaceAll(path, name);
  return text;
}
