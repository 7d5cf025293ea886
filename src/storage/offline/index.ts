import type { Bundles } from './contract-types.ts';
import { exportBundle, type ExportDeps } from './export-bundle.ts';
import { exportTree } from './export-tree.ts';
import { importBundle, type ImportDeps } from './import-bundle.ts';

export type { BundleSigner } from './manifest.ts';

/** Bundles of a lake's objects. */
export function createBundles(deps: ExportDeps & ImportDeps): Bundles {
  return {
    export: (request, signal) => exportBundle(deps, request, signal),
    exportTree: (request, signal) => exportTree(deps.objects, request, signal),
    import: (request, signal) => importBundle(deps, request, signal),
  };
}
