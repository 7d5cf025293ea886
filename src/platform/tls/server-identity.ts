/**
 * Who the listeners prove to be: by an authority of our own under `keys/tls/`, or by the owner's certificate files.
 *
 * Invariants
 * - Every file is 0600 and written by rename: a crash leaves a whole one or none. The authority's key never leaves it.
 * - A server certificate is one file with its key, so the two always belong together.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isIP } from 'node:net';
import { LochError } from '../../core/errors.ts';
import { writeSecretFile } from '../secret-file.ts';
import { type KeyPair, makeAuthority, makeServerCertificate } from './certificates.ts';

/** What a listener shows its clients. */
export interface ServerIdentity {
  readonly pair: KeyPair;
  /** How a client on this machine knows it: the authority to trust, or the certificate itself when it is the owner's. */
  readonly trust: { readonly file: string; readonly pinned: boolean };
  /** Host names and addresses in it. */
  readonly names: readonly string[];
  readonly expiresAt: number;
}

export interface IdentityOptions {
  /** `keys/` of the data directory. */
  readonly keysDirectory: string;
  /** Names beside those of loopback. */
  readonly hostNames: readonly string[];
  /** The owner's own files, both or none: `''` when not given. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly now: number;
}

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];
/** A certificate of ours with less time left is replaced. **Units**: milliseconds. */
export const RENEW_BEFORE_MS = 30 * 24 * 3_600_000;

/**
 * The identity to serve with; what is missing, foreign or about to expire is made anew.
 * **Errors**: `configuration` for files of the owner that cannot serve, naming the setting.
 */
export function openServerIdentity(options: IdentityOptions): Promise<ServerIdentity> {
  return options.certFile === '' && options.keyFile === ''
    ? ownIdentity(options)
    : Promise.resolve(givenIdentity(options));
}

async function ownIdentity({ keysDirectory, hostNames, now }: IdentityOptions): Promise<ServerIdentity> {
  const folder = join(keysDirectory, 'tls');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const caFile = join(folder, 'ca.pem');
  const authority = await ownAuthority(folder, caFile, now);
  const names = [...new Set([...LOOPBACK_NAMES, ...hostNames])];
  const file = join(folder, 'server.pem');
  const found = existsSync(file) ? splitPem(readFileSync(file, 'utf8')) : undefined;
  let pair = found;
  if (pair === undefined || !serves(pair, authority, names, now)) {
    pair = await makeServerCertificate(authority, names, now);
    writeSecretFile(file, pair.certificate + pair.privateKey);
  }
  const expiresAt = Date.parse(new X509Certificate(pair.certificate).validTo);
  return { pair, trust: { file: caFile, pinned: false }, names, expiresAt };
}

async function ownAuthority(folder: string, caFile: string, now: number): Promise<KeyPair> {
  const keyFile = join(folder, 'ca.key');
  if (existsSync(caFile) && existsSync(keyFile)) {
    const found = { certificate: readFileSync(caFile, 'utf8'), privateKey: readFileSync(keyFile, 'utf8') };
    const certificate = parseCertificate(found.certificate, caFile);
    if (!certificate.checkPrivateKey(parseKey(found.privateKey, keyFile))) {
      throw new LochError(
        'configuration',
        `${keyFile} is not the key of ${caFile}. Restore both from a backup, or remove both: Loch makes a new authority then, which clients must be told of.`,
      );
    }
    if (Date.parse(certificate.validTo) - now > RENEW_BEFORE_MS) return found;
  }
  const made = await makeAuthority(now);
  writeSecretFile(keyFile, made.privateKey); // without its certificate it is as if it were not there
  writeSecretFile(caFile, made.certificate);
  return made;
}

/** Whether a certificate of ours is of this authority, for these names, and will be good for a while. */
function serves(pair: KeyPair, authority: KeyPair, names: readonly string[], now: number): boolean {
  const certificate = new X509Certificate(pair.certificate);
  const issuer = new X509Certificate(authority.certificate);
  return (
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey) &&
    certificate.checkPrivateKey(createPrivateKey(pair.privateKey)) &&
    Date.parse(certificate.validTo) - now > RENEW_BEFORE_MS &&
    names.every((name) => has(certificate, name))
  );
}

function has(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined;
  // A wildcard matches no wildcard: look for any name below it.
  return certificate.checkHost(name.replace(/^\*\./, 'any.')) !== undefined;
}

function givenIdentity({ certFile, keyFile, now }: IdentityOptions): ServerIdentity {
  if (certFile === '' || keyFile === '') {
    const missing = certFile === '' ? 'listen.tls_cert_file' : 'listen.tls_key_file';
    throw new LochError('configuration', `\`${missing}\` is not set: a certificate and its key are given together.`, {
      context: { setting: missing },
    });
  }
  const pair = {
    certificate: readGiven(certFile, 'listen.tls_cert_file'),
    privateKey: readGiven(keyFile, 'listen.tls_key_file'),
  };
  const certificate = parseCertificate(pair.certificate, certFile);
  if (!certificate.checkPrivateKey(parseKey(pair.privateKey, keyFile))) {
    throw new LochError(
      'configuration',
      `\`listen.tls_key_file\` (${keyFile}) is not the key of the first certificate in \`listen.tls_cert_file\` (${certFile}).`,
      { context: { setting: 'listen.tls_key_file' } },
    );
  }
  const expiresAt = Date.parse(certificate.validTo);
  if (expiresAt <= now) {
    throw new LochError(
      'configuration',
      `The certificate in \`listen.tls_cert_file\` (${certFile}) ended on ${certificate.validTo}. Renew it.`,
      { context: { setting: 'listen.tls_cert_file' } },
    );
  }
  return { pair, trust: { file: certFile, pinned: true }, names: namesOf(certificate), expiresAt };
}

/** The names of a certificate's Subject Alternative Name. */
function namesOf(certificate: X509Certificate): string[] {
  const names = certificate.subjectAltName?.split(', ') ?? [];
  return names.flatMap((entry) => /^(?:DNS|IP Address):"?([^"]+)"?$/.exec(entry)?.[1] ?? []);
}

function readGiven(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new LochError('configuration', `\`${setting}\`: ${file} cannot be read (${(cause as Error).message}).`, {
      context: { setting },
      cause,
    });
  }
}

function parseCertificate(pem: string, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new LochError('configuration', `${file} holds no certificate in PEM form.`, { cause });
  }
}

function parseKey(pem: string, file: string) {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new LochError('configuration', `${file} holds no private key in PEM form that opens without a passphrase.`, {
      cause,
    });
  }
}

function splitPem(text: string): KeyPair | undefined {
  const at = text.indexOf('-----BEGIN PRIVATE KEY-----');
  return at <= 0 ? undefined : { certificate: text.slice(0, at), privateKey: text.slice(at) };
}
