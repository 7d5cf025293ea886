import { LochError } from '../../core/errors.ts';
import type { Properties } from './statements.ts';

/** A property that is a text. **Errors**: `invalid_argument`. */
export function textOf(properties: Properties, name: string): string | undefined {
  const value = properties[name];
  if (value === undefined || typeof value === 'string') return value;
  throw wrong(name, 'a text in single quotes');
}

/** A property that is a list of texts; none when it is absent. */
export function listOf(properties: Properties, name: string): readonly string[] {
  const value = properties[name];
  if (value === undefined) return [];
  if (typeof value !== 'string') return value;
  throw wrong(name, "ARRAY['…', '…']");
}

/** A property that is true or false. **Errors**: `invalid_argument`. */
export function flagOf(properties: Properties, name: string): boolean | undefined {
  const value = properties[name];
  if (value === undefined) return undefined;
  const text = String(value).toLowerCase();
  if (text === 'true' || text === 'false') return text === 'true';
  throw wrong(name, 'true or false');
}

/** **Errors**: `invalid_argument` naming a property that is not known. */
export function assertKnown(properties: Properties, known: ReadonlySet<string>, statement: string): void {
  for (const name of Object.keys(properties)) {
    if (known.has(name)) continue;
    throw new LochError(
      'invalid_argument',
      `${statement} does not know the property \`${name}\`. Known: ${[...known].join(', ')}.`,
      { context: { property: name, errorName: 'INVALID_TABLE_PROPERTY' } },
    );
  }
}

const wrong = (name: string, wanted: string): LochError =>
  new LochError('invalid_argument', `The property \`${name}\` takes ${wanted}.`, {
    context: { property: name, errorName: 'INVALID_TABLE_PROPERTY' },
  });
