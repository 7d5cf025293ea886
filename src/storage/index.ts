import type { ObjectAccess } from './contract.ts';
import { createObjectAccess, type ObjectDeps } from './objects/index.ts';

/** Objects as callers may use them, over the store that the composition root chose. */
export function openStorage(deps: ObjectDeps): { readonly access: ObjectAccess } {
  return { access: createObjectAccess(deps) };
}
