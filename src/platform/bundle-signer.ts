import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BundleSigner } from '../storage/offline/index.ts';
import { writeSecretFile } from './secret-file.ts';

/** Signs bundles by the lake's own Ed25519 key, made with the first one. */
export function createBundleSigner(keysDirectory: string): () => BundleSigner {
  const file = join(keysDirectory, 'bundle-signing.key');
  return () => {
    if (!existsSync(file)) {
      const { privateKey } = generateKeyPairSync('ed25519');
      writeSecretFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
    }
    const key = createPrivateKey(readFileSync(file, 'utf8'));
    return {
      publicKey: createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64'),
      sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
    };
  };
}
