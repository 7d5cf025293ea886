/** Request parameters and answers as they may stand in the audit trail: no secrets, no payloads, bounded. */
import type { NormalizedSchema } from '@smithy/core/schema';

const MAX_TEXT = 4_096;
const MAX_ITEMS = 100;
const MAX_BYTES = 64 * 1024;

/**
 * `value` as plain JSON with member names in lower camel case, as CloudTrail writes them. Members the schema marks
 * sensitive, and members named in `redact`, become `***`; blobs become their size.
 */
export function recordedParameters(schema: NormalizedSchema, value: object, redact: readonly string[] = []): unknown {
  if (!schema.isStructSchema()) return null;
  const recorded = record(schema, value, new Set(redact));
  const text = JSON.stringify(recorded);
  if (text.length > MAX_BYTES) return { omitted: `parameters of ${text.length} characters` };
  return text === '{}' ? null : recorded;
}

function record(schema: NormalizedSchema, value: unknown, redact: ReadonlySet<string>): unknown {
  if (value === null || value === undefined) return null;
  if (schema.getMergedTraits().sensitive) return '***';
  if (schema.isStructSchema()) {
    const output: Record<string, unknown> = {};
    for (const [name, member] of schema.structIterator()) {
      const found = (value as Record<string, unknown>)[name];
      if (found === undefined || found === null) continue;
      output[name[0]!.toLowerCase() + name.slice(1)] = redact.has(name) ? '***' : record(member, found, redact);
    }
    return output;
  }
  if (schema.isListSchema()) {
    const items = (value as readonly unknown[]).slice(0, MAX_ITEMS);
    return items.map((item) => record(schema.getValueSchema(), item, redact));
  }
  if (schema.isMapSchema()) {
    const entries = Object.entries(value).slice(0, MAX_ITEMS);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, redact.has(key) ? '***' : record(schema.getValueSchema(), item, redact)]),
    );
  }
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string' && value.length > MAX_TEXT) return `${value.slice(0, MAX_TEXT)}…`;
  return typeof value === 'object' ? String(value) : value;
}
