import type { Secret } from '../../../core/secret.ts';
import { type HmacKey, hmacKey, hmacSha256 } from './hmac.ts';

/** Derived SigV4 signing keys, kept because deriving one costs four HMACs and a client uses it for a whole day. */
export interface SigningKeys {
  /** The signing key of a credential scope. **Source**: "Create a signed AWS API request", step 4. */
  derive(scope: SigningKeyScope, secret: Secret): HmacKey;
}

export interface SigningKeyScope {
  readonly accessKeyId: string;
  /** `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** A bounded cache: the entry used longest ago leaves first. An entry serves only the secret it was derived from. */
export function createSigningKeys(capacity = 1024): SigningKeys {
  const entries = new Map<string, { readonly secret: string; readonly key: HmacKey }>();
  return {
    derive(scope, secret) {
      const name = `${scope.accessKeyId}/${scope.date}/${scope.region}/${scope.service}`;
      const revealed = secret.reveal();
      const known = entries.get(name);
      entries.delete(name);
      const entry = known?.secret === revealed ? known : { secret: revealed, key: deriveKey(scope, revealed) };
      if (entries.size >= capacity) entries.delete(entries.keys().next().value as string);
      entries.set(name, entry);
      return entry.key;
    },
  };
}

function deriveKey(scope: SigningKeyScope, secret: string): HmacKey {
  let key = hmacKey(Buffer.from(`AWS4${secret}`));
  for (const part of [scope.date, scope.region, scope.service, 'aws4_request']) key = hmacKey(hmacSha256(key, part));
  return key;
}
