import { storeCall } from '../../metadata/contract.ts';
import type { Catalog } from '../contract.ts';
import type { CatalogParts } from '../databases/parts.ts';
import icebergStore from './store.ts';

const { keepAnswer, keptAnswer, markKey } = icebergStore.procedures;

/**
 * Repeats of a request under the same key. The key is marked in the transaction of the effect, so that a crash between
 * effect and answer cannot make the effect happen twice.
 */
export const requestKeys = (
  parts: Pick<CatalogParts, 'store' | 'clock'>,
): Pick<Catalog, 'keptAnswer' | 'keepAnswer' | 'withKey'> => ({
  keptAnswer: (context, key) => parts.store.read(keptAnswer, { principal: context.principal.arn, key }),
  async keepAnswer(context, key, answer) {
    await parts.store.write(keepAnswer, {
      principal: context.principal.arn,
      key,
      fingerprint: answer.fingerprint,
      status: answer.status ?? 204,
      body: answer.body ?? '',
      at: parts.clock.now(),
    });
  },
  withKey: (context, key, fingerprint) => ({
    ...context,
    alongside: [
      ...(context.alongside ?? []),
      storeCall(markKey, { principal: context.principal.arn, key, fingerprint, at: parts.clock.now() }),
    ],
  }),
});
