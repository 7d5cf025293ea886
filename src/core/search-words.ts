/** What a person's search text asks for: words, and phrases between double quotes. */

/** One thing that must be found: a word, or the words of a phrase one after the other. */
export interface SearchTerm {
  readonly words: readonly string[];
  /** The last word typed may be the beginning of a longer one. */
  readonly prefix: boolean;
}

/** Splits `camelCase`, so that `customer email` finds `customerEmail`. */
export const splitCamelCase = (text: string): string => text.replace(/([a-z0-9])([A-Z])/g, '$1 $2');

const WORD = /[\p{L}\p{N}]+/gu;

/** The terms of a text in order. With `whole` no word stands for a longer one. A quote that is not closed reaches to the end. */
export function searchTerms(text: string, options: { readonly whole?: boolean } = {}): SearchTerm[] {
  const terms: SearchTerm[] = [];
  const parts = splitCamelCase(text).split('"');
  parts.forEach((part, i) => {
    const words = part.match(WORD) ?? [];
    if (i % 2 === 1) {
      if (words.length > 0) terms.push({ words, prefix: false });
    } else {
      terms.push(...words.map((word) => ({ words: [word], prefix: false })));
    }
  });
  const last = terms.at(-1);
  const open = (parts.at(-1)!.match(WORD) ?? []).length > 0 && parts.length % 2 === 1;
  if (last !== undefined && open && options.whole !== true) terms[terms.length - 1] = { ...last, prefix: true };
  return terms;
}
