/** The manifest of a bundle: what it consists of, signed by the lake that made it. Names of objects are not in it. */
import { createHash, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isLochError, LochError } from '../../core/errors.ts';
import { proofOf } from './bundle-key.ts';

export const MANIFEST = 'manifest.json';

const schema = z.object({
  format: z.literal(1),
  bundle: z.string().regex(/^[0-9a-f]{32}$/),
  startedAt: z.string(),
  /** False while the export runs, or was cut short. */
  complete: z.boolean(),
  key: z.object({
    opensBy: z.enum(['passphrase', 'unlock code', 'key file']),
    kdf: z.object({
      name: z.literal('scrypt'),
      n: z.number(),
      r: z.number(),
      p: z.number(),
      salt: z.string(),
    }),
    wrapped: z.string(),
  }),
  volumes: z.array(z.object({ number: z.number().int().positive(), bytes: z.number(), sha256: z.string() })),
  entries: z.number(),
  bytes: z.number(),
});

const signedSchema = schema.extend({ proof: z.string(), signer: z.string(), signature: z.string() });

export type Manifest = z.infer<typeof schema>;
export type SignedManifest = z.infer<typeof signedSchema>;

/** Signs in the name of a lake, by Ed25519. */
export interface BundleSigner {
  /** DER of the public key (SPKI), in base64. */
  readonly publicKey: string;
  sign(text: string): string;
}

/** The file of a volume. */
export const volumeFile = (number: number): string => `volume-${String(number).padStart(5, '0')}.loch`;

/** A public key as people compare it. */
export const fingerprintOf = (publicKey: string): string =>
  createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex');

const textOf = (manifest: Manifest): string => JSON.stringify(schema.parse(manifest));

/** The manifest with its proofs, as text. */
export function signManifest(manifest: Manifest, key: Uint8Array, signer: BundleSigner): string {
  const text = textOf(manifest);
  const signed: SignedManifest = {
    ...manifest,
    proof: proofOf(key, text),
    signer: signer.publicKey,
    signature: signer.sign(text),
  };
  return `${JSON.stringify(signed, null, 2)}\n`;
}

/** What is left of a manifest whose key was destroyed. */
export const destroyedManifest = (bundle: string): string =>
  `${JSON.stringify({ format: 1, bundle, destroyed: true })}\n`;

const destroyedSchema = z.object({ bundle: z.string(), destroyed: z.literal(true) });

/** **Errors**: `not_found` when there is none; `access_denied` when its key was destroyed; `data_corrupt` for what is no manifest, or whose signature fails. */
export async function readManifest(folder: string): Promise<SignedManifest> {
  const file = join(folder, MANIFEST);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new LochError('not_found', `${folder} holds no bundle: ${MANIFEST} cannot be read.`, { cause });
  });
  let manifest: SignedManifest;
  try {
    const parsed: unknown = JSON.parse(text);
    if (destroyedSchema.safeParse(parsed).success) throw keyDestroyed(folder);
    manifest = signedSchema.parse(parsed);
  } catch (cause) {
    if (isLochError(cause, 'access_denied')) throw cause;
    throw new LochError('data_corrupt', `${file} is no manifest of format 1. Copy it again.`, { cause });
  }
  if (!isSigned(manifest)) {
    throw new LochError('data_corrupt', `The signature of ${file} does not hold: it was changed. Copy it again.`);
  }
  return manifest;
}

const keyDestroyed = (folder: string) =>
  new LochError(
    'access_denied',
    `The key of the bundle in ${folder} was destroyed after wrong codes. Export it again.`,
  );

function isSigned(manifest: SignedManifest): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(manifest.signer, 'base64'), format: 'der', type: 'spki' });
    return verify(null, Buffer.from(textOf(manifest)), key, Buffer.from(manifest.signature, 'base64'));
  } catch {
    return false; // a key or signature that cannot be read proves nothing
  }
}

/** **Errors**: `data_corrupt` when the manifest was not written by who had the bundle's key. */
export function assertProof(manifest: SignedManifest, key: Uint8Array): void {
  const expected = Buffer.from(proofOf(key, textOf(manifest)));
  const found = Buffer.from(manifest.proof);
  if (found.length === expected.length && timingSafeEqual(found, expected)) return;
  throw new LochError('data_corrupt', 'The manifest is not the one that was written with the bundle.');
}
