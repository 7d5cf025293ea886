/** Remainder of a long decimal text by 97, nine digits at a time. */
function modulo97(digits: string): number {
  let rest = 0;
  for (let i = 0; i < digits.length; i += 9) rest = Number(String(rest) + digits.slice(i, i + 9)) % 97;
  return rest;
}

/**
 * A German-shaped IBAN with correct check digits for an 18-digit account. **Source**: ISO 13616, ISO 7064 MOD 97-10
 * (`D` is 13, `E` is 14).
 */
export function ibanOf(account: string): string {
  const check = 98 - modulo97(`${account}131400`);
  return `DE${String(check).padStart(2, '0')}${account}`;
}

/** The same IBAN with check digits that are wrong. */
export function spoiledIban(iban: string): string {
  const check = Number(iban.slice(2, 4));
  return `DE${String(check >= 50 ? check - 7 : check + 7).padStart(2, '0')}${iban.slice(4)}`;
}

/** Whether the check digits of `iban` are right. */
export function isIban(iban: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(iban)) return false;
  const moved = iban.slice(4) + iban.slice(0, 4);
  return modulo97(moved.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) === 1;
}
