/**
 * International bank account numbers: country, length, check digits.
 * **Source**: ISO 13616 (structure, lengths of the IBAN registry), ISO 7064 MOD 97-10 (check digits).
 */
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

const LENGTHS =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
  'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 ' +
  'LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 ' +
  'RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30';

/** A valid IBAN, blanks and case aside. NULL passes. */
export function iban(rule: RuleOf<'iban'>, scope: RuleScope): RowRule {
  const { value } = scope.column('iban', rule.column);
  const plain = `upper(replace(CAST(${value} AS VARCHAR), ' ', ''))`;
  return {
    name: `iban(${rule.column})`,
    message: `\`${rule.column}\` is no valid IBAN`,
    broken: `NOT coalesce(${validIban(plain)}, true)`,
  };
}

function validIban(plain: string): string {
  const byLength = new Map<number, string[]>();
  for (const entry of LENGTHS.split(' ')) {
    const length = Number(entry.slice(2));
    byLength.set(length, [...(byLength.get(length) ?? []), entry.slice(0, 2)]);
  }
  // One expression per length: country, two check digits, and the rest by its length.
  const shapes = [...byLength].map(([length, countries]) => `(${countries.join('|')})[0-9]{2}[A-Z0-9]{${length - 4}}`);
  return `CASE WHEN regexp_full_match(${plain}, '${shapes.join('|')}') THEN ${mod97(plain)} = 1 ELSE ${plain} IS NULL END`;
}

/**
 * The remainder by 97 of the number that country and check digits, moved to the end, and letters as 10…35 spell. At most
 * 68 digits: taken 30 at a time, which a 128-bit integer holds exactly.
 */
function mod97(plain: string): string {
  let digits = `substr(${plain}, 5) || substr(${plain}, 1, 4)`;
  for (let letter = 0; letter < 26; letter++) {
    digits = `replace(${digits}, '${String.fromCharCode(65 + letter)}', '${letter + 10}')`;
  }
  const piece = (carry: string, from: number) => `(TRY_CAST(${carry}substr(${digits}, ${from}, 30) AS HUGEINT) % 97)`;
  const first = piece('', 1);
  const second = piece(`CAST(${first} AS VARCHAR) || `, 31);
  return piece(`CAST(${second} AS VARCHAR) || `, 61);
}
