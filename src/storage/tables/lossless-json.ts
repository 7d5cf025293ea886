/**
 * JSON whose integers survive beyond 2^53.
 *
 * Invariants
 * - A number that JavaScript cannot hold exactly is kept as a raw JSON token and written back letter for letter.
 * - Snapshot ids (a closed list of keys) become decimal text on the way in and plain JSON numbers on the way out.
 *   Below `properties` and `summary` every value is the user's text and is left alone.
 */

const ID_KEYS = new Set([
  'snapshot-id',
  'parent-snapshot-id',
  'current-snapshot-id',
  'source-snapshot-id',
  'start-snapshot-id',
  'end-snapshot-id',
]);
const ID_LIST_KEYS = new Set(['snapshot-ids']);
const FREE_TEXT_KEYS = new Set(['properties', 'summary']);
const DECIMAL = /^-?\d+$/;

// TypeScript's library lacks source-text access and raw JSON; both are in Node 24 (V8).
const native = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): object;
};

/** The value of `text` with ids as text and other inexact numbers kept raw. **Errors**: `SyntaxError` as of JSON.parse. */
export function parseLosslessJson(text: string): unknown {
  return native.parse(text, (key, value, context) => {
    if (ID_LIST_KEYS.has(key) && Array.isArray(value)) return value.map(idText);
    if (typeof value !== 'number') return value;
    if (ID_KEYS.has(key)) return context.source;
    if (Number.isSafeInteger(value) || context.source === undefined) return value;
    // `1.0` and `1e3` are exact though spelled differently; only digits that would be lost are kept raw.
    return DECIMAL.test(context.source) ? native.rawJSON(context.source) : value;
  });
}

function idText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function idToken(value: unknown): unknown {
  return typeof value === 'string' && DECIMAL.test(value) ? native.rawJSON(value) : value;
}

/** The reverse of `parseLosslessJson`. */
export function stringifyLosslessJson(value: unknown): string {
  return JSON.stringify(withNumericIds(value));
}

function withNumericIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withNumericIds);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) === null) return value;
  const result: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (ID_KEYS.has(key) && typeof entry === 'string' && DECIMAL.test(entry)) result[key] = native.rawJSON(entry);
    else if (ID_LIST_KEYS.has(key) && Array.isArray(entry)) result[key] = entry.map(idToken);
    else if (FREE_TEXT_KEYS.has(key)) result[key] = entry;
    else result[key] = withNumericIds(entry);
  }
  return result;
}
