/**
 * Syntax trees as DuckDB serializes them (`json_serialize_sql`), read and written without losing a digit: numbers that
 * JavaScript cannot hold stay as their own text.
 */
import type { SyntaxNode } from '../contract.ts';
import { LochError } from '../../core/errors.ts';

interface ReviverContext {
  readonly source?: string;
}
const json = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: ReviverContext) => unknown): unknown;
  rawJSON(text: string): unknown;
};

function keepDigits(_key: string, value: unknown, { source }: ReviverContext): unknown {
  return typeof value === 'number' && source !== undefined && String(value) !== source ? json.rawJSON(source) : value;
}

interface Serialized {
  readonly error: boolean;
  readonly statements?: readonly SyntaxNode[];
  readonly error_type?: string;
  readonly error_message?: string;
  readonly position?: string;
}

/**
 * The statements of a serialized text.
 * **Errors**: `syntax_error` with `context.position`; `statement_refused` for what does not serialize.
 */
export function readTree(text: string): readonly SyntaxNode[] {
  const serialized = json.parse(text, keepDigits) as Serialized;
  if (!serialized.error) return serialized.statements ?? [];
  const message = serialized.error_message ?? 'The statement cannot be read.';
  if (serialized.error_type === 'parser') {
    const position = serialized.position === undefined ? {} : { position: Number(serialized.position) };
    throw new LochError('syntax_error', message, { context: position });
  }
  throw new LochError('statement_refused', `The statement cannot be analysed, so it is not run: ${message}`);
}

/** The text that `json_deserialize_sql` reads. */
export function writeTree(statements: readonly SyntaxNode[]): string {
  return JSON.stringify({ error: false, statements });
}
