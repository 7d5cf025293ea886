import type { RequestContext } from '../../core/caller.ts';
import { glueAllows } from './access.ts';
import type { CatalogParts } from './parts.ts';

/**
 * The first `limit` names after `after` that both policies show, of names in order. Lake Formation is a test in memory;
 * IAM is asked only of names that passed it. **Cost**: grows with the page, but for the test in memory.
 */
export async function visiblePage(
  parts: CatalogParts,
  context: RequestContext,
  names: readonly string[],
  page: { readonly after?: string | undefined; readonly limit?: number | undefined },
  test: {
    readonly action: string;
    readonly shows: (name: string) => boolean;
    readonly resource: (name: string) => string;
  },
): Promise<string[]> {
  const limit = page.limit ?? Number.POSITIVE_INFINITY;
  const found: string[] = [];
  for (let at = page.after === undefined ? 0 : firstAfter(names, page.after); at < names.length; at++) {
    if (found.length >= limit) break;
    const name = names[at]!;
    if (test.shows(name) && (await glueAllows(parts, context, test.action, test.resource(name)))) found.push(name);
  }
  return found;
}

/** The position of the first name greater than `after`. */
function firstAfter(names: readonly string[], after: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (names[middle]! <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
