// Masks of a data cells filter. The Lake Formation wire has no member for them, so an expression may begin with a header
// that official clients carry unchanged: /* loch:masks email=hash,"home phone"=last_4 */ region = 'north'
import { LochError } from '../../../core/errors.ts';
import { nearestNames } from '../../../core/suggest.ts';
import type { ColumnType, MaskFunction } from '../../contract.ts';
import { kindOfType } from './column-types.ts';
import { filterSyntaxError } from './tokens.ts';

/** Mask functions with the kinds of columns they fit. */
const FITS: Readonly<Record<MaskFunction, readonly string[] | 'any'>> = {
  null: 'any',
  hash: ['string'],
  date_to_year: ['date', 'timestamp'],
  last_4: ['string'],
  tokenise: ['string'],
};
const MASKS = Object.keys(FITS);

const HEADER = /^\s*\/\*\s*loch:masks\s(.*?)\*\//s;

export interface MaskedExpression {
  readonly masks: Readonly<Record<string, MaskFunction>>;
  /** What stands after the header, or undefined when that says all rows. */
  readonly expression: string | undefined;
  /** Where the rest begins in the whole text, so that positions stay those of the caller's text. */
  readonly offset: number;
}

/** Takes the mask header off an expression. **Errors**: `syntax_error` with position, `invalid_argument` for an unknown mask. */
export function splitMasks(text: string): MaskedExpression {
  const match = HEADER.exec(text);
  if (match === null) return { masks: {}, expression: text, offset: 0 };
  const rest = text.slice(match[0].length);
  const listAt = match[0].indexOf('loch:masks') + 'loch:masks'.length + 1;
  return {
    masks: parseMaskList(match[1]!, listAt),
    expression: /^\s*(?:true\s*)?$/i.test(rest) ? undefined : rest,
    offset: match[0].length,
  };
}

function parseMaskList(list: string, offset: number): Record<string, MaskFunction> {
  const masks: Record<string, MaskFunction> = Object.create(null);
  const item = /\s*(?:"((?:[^"]|"")+)"|([^\s",=]+))\s*=\s*([A-Za-z0-9_]+)\s*(?:,|$)/y;
  while (item.lastIndex < list.trimEnd().length) {
    const at = item.lastIndex;
    const match = item.exec(list);
    if (match === null) {
      throw filterSyntaxError('the header is written /* loch:masks column=mask,column=mask */.', offset + at + 1);
    }
    const column = (match[1]?.replaceAll('""', '"') ?? match[2]!).toLowerCase();
    masks[column] = maskNamed(match[3]!);
  }
  return masks;
}

/** **Errors**: `invalid_argument` for a name that is no mask function. */
export function maskNamed(name: string): MaskFunction {
  const folded = name.toLowerCase();
  if (MASKS.includes(folded)) return folded as MaskFunction;
  const near = nearestNames(folded, MASKS, 1)[0];
  throw new LochError(
    'invalid_argument',
    `\`${name}\` is not a mask.${near === undefined ? '' : ` Did you mean ${near}?`} Known: ${MASKS.join(', ')}.`,
    { context: { argument: 'masks' } },
  );
}

/** Puts the header back before an expression; undefined when there is neither mask nor expression. */
export function joinMasks(
  masks: Readonly<Record<string, MaskFunction>>,
  expression: string | undefined,
): string | undefined {
  const entries = Object.entries(masks);
  if (entries.length === 0) return expression;
  const list = entries.map(
    ([column, mask]) => `${/^[^\s",=]+$/.test(column) ? column : `"${column.replaceAll('"', '""')}"`}=${mask}`,
  );
  return `/* loch:masks ${list.join(',')} */ ${expression?.trimStart() ?? 'TRUE'}`;
}

/** **Errors**: `column_not_found`, or `type_mismatch` for a mask that does not fit its column's type. */
export function assertMasksFit(masks: Readonly<Record<string, MaskFunction>>, columns: readonly ColumnType[]): void {
  for (const [name, mask] of Object.entries(masks)) {
    const column = columns.find((candidate) => candidate.name.toLowerCase() === name);
    if (column === undefined) {
      throw new LochError('column_not_found', `The masked column \`${name}\` does not exist.`, {
        context: { column: name },
      });
    }
    const fits = FITS[mask];
    if (fits === 'any' || fits.includes(kindOfType(column.type) ?? '')) continue;
    throw new LochError(
      'type_mismatch',
      `Mask ${mask} is for columns of type ${fits.join(' or ')}; \`${name}\` is ${column.type}. Mask \`null\` fits every type.`,
      { context: { column: name, mask } },
    );
  }
}
