/**
 * International bank account numbers: country, length, check digits.
 * **Source**: ISO 13616 (structure, lengths of the IBAN registry), ISO 7064 MOD 97-10 (check digits).
 */
import type { RowRule, RuleOf, RuleScope } from './rule.ts';

/** `country` and length, with a blank on either side. */
const LENGTHS =
  ' AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
  'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 ' +
  'LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 ' +
  'RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ';

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
  const shape = `regexp_full_match(${plain}, '[A-Z]{2}[0-9]{2}[A-Z0-9]+')`;
  const length = `contains('${LENGTHS}', concat(' ', substr(${plain}, 1, 2), length(${plain}), ' '))`;
  return `CASE WHEN ${shape} AND ${length} THEN ${mod97(plain)} = 1 ELSE ${plain} IS NULL END`;
}

/**
 * The remainder by 97 of the number that the IBAN spells, country and check digits moved to the end and letters read as
 * 10 to 35. Taken character by character, so that no intermediate result exceeds 9,700: exact in any integer.
 */
function mod97(plain: string): string {
  const characters = `string_split(substr(${plain}, 5) || substr(${plain}, 1, 4), '')`;
  const numbers = `list_transform(${characters}, lambda c: CASE WHEN c >= 'A' THEN ascii(c) - 55 ELSE ascii(c) - 48 END)`;
  return `list_reduce(${numbers}, lambda a, b: (a * CASE WHEN b > 9 THEN 100 ELSE 10 END + b) % 97)`;
}
