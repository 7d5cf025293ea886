/**
 * `Idempotency-Key`: a request sent again under its key has one effect and the same final answer.
 *
 * Invariants
 * - The key is marked in the transaction of the effect; a crash between effect and answer is answered by the effect.
 * - An answer that may change by itself (5xx, a missing right, an expired token) is not kept.
 * - No answer with credentials is kept: what an effect gives is made anew when it is asked for again.
 */
import { createHash } from 'node:crypto';
import { toLochError } from '../../core/errors.ts';
import { parseLosslessJson, stringifyLosslessJson } from '../../storage/contract.ts';
import { icebergError, restFailure } from './errors.ts';
import type { IcebergAnswer, IcebergRequest } from './request.ts';
import type { IcebergOperation } from './routes.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const FINAL = new Set([400, 404, 406, 409, 422]);

/** Runs each key of a caller one at a time. */
export class RequestKeys {
  readonly #running = new Map<string, Promise<unknown>>();

  /** The answer of the operation, or the one its key has already. **Errors**: a key that was another operation's. */
  async run(
    request: IcebergRequest,
    operation: IcebergOperation,
    facts: { readonly method: string; readonly path: string; readonly body: Buffer },
  ): Promise<IcebergAnswer> {
    const key = request.headers['idempotency-key'];
    if (operation.readOnly || key === undefined) return operation.run(request);
    if (typeof key !== 'string' || !UUID_V7.test(key)) {
      throw restFailure(
        'BadRequestException',
        400,
        'invalid_argument',
        'The header `Idempotency-Key` must be one UUID of version 7.',
      );
    }
    const name = `${request.context.principal.arn} ${key.toLowerCase()}`;
    const before = this.#running.get(name) ?? Promise.resolve();
    const answer = before.catch(() => {}).then(() => once(request, operation, key.toLowerCase(), facts));
    this.#running.set(name, answer);
    try {
      return await answer;
    } finally {
      if (this.#running.get(name) === answer) this.#running.delete(name);
    }
  }
}

async function once(
  request: IcebergRequest,
  operation: IcebergOperation,
  key: string,
  facts: { readonly method: string; readonly path: string; readonly body: Buffer },
): Promise<IcebergAnswer> {
  const { catalog, context } = request;
  const fingerprint = createHash('sha256')
    .update(`${facts.method} ${facts.path} ${request.query} `)
    .update(facts.body)
    .digest('base64url');
  const kept = await catalog.keptAnswer(context, key);
  if (kept !== undefined) {
    if (kept.fingerprint !== fingerprint) {
      throw restFailure(
        'UnprocessableEntityException',
        422,
        'invalid_argument',
        'The idempotency key was used for another request. Make a new key for each.',
      );
    }
    if (kept.status === undefined) return operation.replay === undefined ? { status: 204 } : operation.replay(request);
    return { status: kept.status, ...(kept.body ? { body: parseLosslessJson(kept.body) } : {}) };
  }
  try {
    const answer = await operation.run({ ...request, context: catalog.withKey(context, key, fingerprint) });
    // What cannot be told again from what is there is kept; none of these answers holds a credential.
    if (operation.replay === undefined && answer.body !== undefined) {
      await catalog.keepAnswer(context, key, { fingerprint, status: answer.status, body: bodyText(answer.body) });
    }
    return answer;
  } catch (error) {
    const failure = toLochError(error);
    const { status, body } = icebergError(failure, context.requestId, operation.noun);
    if (FINAL.has(status)) await catalog.keepAnswer(context, key, { fingerprint, status, body });
    throw failure;
  }
}

/** The text of an answer's body. */
export const bodyText = (body: unknown): string => (body === undefined ? '' : stringifyLosslessJson(body));
