import { LochError } from '../../../core/errors.ts';
import { fullName } from '../deps.ts';
import type { TableAlteration } from '../statements.ts';

/** The refusal of a change that such a table does not know. */
export function doesNotApply(
  change: TableAlteration,
  name: Parameters<typeof fullName>[0],
  kind: string,
  instead: string,
): LochError {
  const words = change.action.replaceAll('_', ' ').toUpperCase();
  return new LochError(
    'unsupported',
    `ALTER TABLE … ${words} does not apply to \`${fullName(name)}\`, ${kind}. ${instead}`,
    {
      context: { table: fullName(name), statement: `ALTER TABLE ${words}` },
    },
  );
}
