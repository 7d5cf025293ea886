/**
 * An object store that encrypts: decides how each write is encrypted (what it asks for, or its bucket's default), makes
 * and opens data keys, and lets the store below carry it out.
 *
 * Invariants
 * - Plain bytes of an encrypted object become a file only where `plaintextFiles` says that they may: in a work directory
 *   in memory, or declared encrypted.
 * - A copy of an encrypted object to an encrypted one moves no bytes: its data key gets another envelope.
 */
import { isLochError, LochError } from '../../core/errors.ts';
import type {
  CopyOptions,
  GetOptions,
  ObjectHead,
  ObjectName,
  ObjectStore,
  PutOptions,
  UploadRef,
  VersionName,
} from '../contract.ts';
import { checkCopySource } from '../stores/conditions.ts';
import type { ObjectEncryption } from '../versions.ts';
import type { EncryptionRequest } from './contract.ts';
import { customerKeyInVain, customerKeyMissing, type DataKeyEnvelopes } from './data-key-envelopes.ts';

export interface EncryptingDeps {
  readonly envelopes: DataKeyEnvelopes;
  /** How a bucket encrypts what asks for nothing. */
  readonly defaultOf: (bucket: string) => Promise<EncryptionRequest | undefined>;
  /** Whether plain bytes of encrypted objects may lie in files of the work directory. */
  readonly plaintextFiles: boolean;
}

const COPY_ATTEMPTS = 3;

/** Whether the ETag of such a version is the MD5 of its bytes. */
const tellsMd5 = (record: ObjectEncryption | undefined): boolean =>
  record === undefined || record.algorithm === 'AES256';

/** `inner` with encryption. Everything that has to do with none of it goes to `inner` as it is. */
export function encryptingStore<Store extends ObjectStore>(inner: Store, deps: EncryptingDeps): Store {
  const { envelopes } = deps;

  const sealing = async (name: ObjectName, options: PutOptions, reuse?: Uint8Array) => {
    const request = options.encryption ?? (await deps.defaultOf(name.bucket));
    return request === undefined ? undefined : envelopes.seal(name, request, options.caller, reuse);
  };

  /** Options with which the store below opens what it finds. */
  const opening = (options: GetOptions): GetOptions => ({
    ...options,
    dataKey: (record, name) => envelopes.open(name, record, options.caller, options.customerKey),
  });

  const put: ObjectStore['put'] = async (bucket, key, body, options = {}) => {
    const sealed = await sealing({ bucket, key }, options);
    if (sealed === undefined) return inner.put(bucket, key, body, options);
    if (!(body instanceof Uint8Array) && 'adoptFile' in body) assertPlaintext(deps, `s3://${bucket}/${key}`);
    const attributes = { ...options.attributes, encryption: sealed.record };
    return inner.put(bucket, key, body, { ...options, attributes, dataKey: async () => sealed.key });
  };

  const get: ObjectStore['get'] = async (bucket, key, options = {}) => {
    const read = await inner.get(bucket, key, opening(options));
    if (read.head.attributes.encryption !== undefined || options.customerKey === undefined) return read;
    read.body.destroy();
    throw customerKeyInVain({ bucket, key });
  };

  const head: ObjectStore['head'] = async (bucket, key, options = {}) => {
    const found = await inner.head(bucket, key, options);
    if (options.keyNotNeeded !== true) await assertCustomerKey(found, options);
    return found;
  };

  const assertCustomerKey = async (found: ObjectHead, { customerKey, caller }: GetOptions): Promise<void> => {
    const record = found.attributes.encryption;
    if (record?.algorithm === 'customer') await envelopes.open(found, record, caller, customerKey);
    else if (customerKey !== undefined) throw customerKeyInVain(found);
  };

  const copyOnce = async (from: VersionName, to: ObjectName, options: CopyOptions): Promise<ObjectHead> => {
    const { source = {} } = options;
    const found = await inner.head(from.bucket, from.key, versionOf(from));
    checkCopySource(found, options);
    const sealedBy = found.attributes.encryption;
    if (sealedBy === undefined && source.customerKey !== undefined) throw customerKeyInVain(from);
    const request = options.encryption ?? (await deps.defaultOf(to.bucket));
    if (sealedBy === undefined && request === undefined) return inner.copy(from, to, options);
    const pinned = { ...from, versionId: found.versionId };
    const caller = source.caller ?? options.caller;
    const reader = { ...source, ...(caller === undefined ? {} : { caller }) };
    if (sealedBy !== undefined && request !== undefined && tellsMd5(sealedBy) === (request.algorithm === 'AES256')) {
      const dataKey = await envelopes.open(from, sealedBy, reader.caller, source.customerKey);
      const { record } = await envelopes.seal(to, request, options.caller, dataKey);
      const { partNumbers } = sealedBy;
      const encryption = { ...record, ...(partNumbers === undefined ? {} : { partNumbers }) };
      const attributes = { ...options.attributes, encryption };
      return inner.copy(pinned, to, { ...options, attributes, dataKey: async () => dataKey });
    }
    return rewrite(pinned, found, to, options, reader);
  };

  /** A copy whose bytes are read and written again: one side of it is plain, or the ETag changes its nature. */
  const rewrite = async (
    from: VersionName,
    found: ObjectHead,
    to: ObjectName,
    options: CopyOptions,
    reader: GetOptions,
  ): Promise<ObjectHead> => {
    const read = await notModifiedAsFailed(get(from.bucket, from.key, { ...reader, ...versionOf(from) }), from);
    const { source: _, ...written } = options;
    const kept = Object.keys(found.checksums) as NonNullable<PutOptions['checksumAlgorithms']>;
    const tags = options.attributes?.tags ?? found.attributes.tags;
    return put(to.bucket, to.key, read.body, {
      contentType: found.contentType,
      metadata: found.metadata,
      headers: found.headers,
      operation: 'CopyObject',
      ...written,
      attributes: { ...options.attributes, ...(tags === undefined ? {} : { tags }) },
      contentLength: found.size,
      checksumAlgorithms: [...new Set([...kept, ...(options.checksumAlgorithms ?? [])])],
    });
  };

  const copy: ObjectStore['copy'] = async (from, to, options = {}) => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await copyOnce(from, to, options);
      } catch (error) {
        // The version that was looked at was replaced before it was read.
        const replaced = isLochError(error, 'object_not_found') && from.versionId === undefined;
        if (!replaced || attempt === COPY_ATTEMPTS) throw error;
      }
    }
  };

  const createUpload: ObjectStore['createUpload'] = async (bucket, key, options = {}) => {
    const sealed = await sealing({ bucket, key }, options);
    if (sealed === undefined) return inner.createUpload(bucket, key, options);
    return inner.createUpload(bucket, key, {
      ...options,
      attributes: { ...options.attributes, encryption: sealed.record },
    });
  };

  const putPart: ObjectStore['putPart'] = async (upload, number, body, options = {}) => {
    const customerKey = options.encryption?.algorithm === 'customer' ? options.encryption.key : undefined;
    let asked = false;
    const part = await inner.putPart(
      upload,
      number,
      customerKey === undefined ? body : await beforeBytes(upload, body),
      {
        ...options,
        dataKey: (record, name) => {
          asked = true;
          return envelopes.open(name, record, options.caller, customerKey);
        },
      },
    );
    if (customerKey !== undefined && !asked) throw customerKeyInVain(upload);
    return part;
  };

  /** A part that comes with a key for an upload that has none is refused before its bytes are taken. */
  const beforeBytes = async (upload: UploadRef, body: Parameters<ObjectStore['putPart']>[2]) => {
    const [found] = await inner.uploads(upload.bucket, { prefix: upload.key, max: 1, after: justBefore(upload) });
    const record = found?.uploadId === upload.uploadId ? found.attributes?.encryption : undefined;
    if (found?.uploadId === upload.uploadId && record?.algorithm !== 'customer') throw customerKeyInVain(upload);
    return body;
  };

  const openFiles: ObjectStore['openFiles'] = (refs, directory, columns, options = {}) =>
    inner.openFiles(refs, directory, columns, {
      ...options,
      dataKey: (record, name) => {
        assertPlaintext(deps, `s3://${name.bucket}/${name.key}`);
        if (record.algorithm === 'customer') throw customerKeyMissing(name);
        return envelopes.open(name, record, options.caller);
      },
    });

  const overrides: Partial<ObjectStore> = { put, get, head, copy, createUpload, putPart, openFiles };
  return new Proxy(inner, {
    get(target, name) {
      if (Object.hasOwn(overrides, name)) return overrides[name as keyof ObjectStore];
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

const versionOf = ({ versionId }: VersionName): GetOptions => (versionId === undefined ? {} : { versionId });

/** The place in a listing after which an upload comes first. */
const justBefore = ({ key, uploadId }: UploadRef) => {
  const before = (BigInt(`0x${/^[0-9a-f]{32}$/.test(uploadId) ? uploadId : '1'}`) - 1n).toString(16);
  return { key, uploadId: before.padStart(32, '0') };
};

function assertPlaintext(deps: EncryptingDeps, what: string): void {
  if (deps.plaintextFiles) return;
  throw new LochError(
    'statement_refused',
    `${what} is encrypted, and an engine would need its plain bytes as a file. Set \`work_dir\` to a memory-backed directory (such as one under /dev/shm), or to one on an encrypted volume with \`work_dir_encrypted: true\`.`,
    { context: { setting: 'work_dir' } },
  );
}

/** A source that is as it was is a condition that fails. */
async function notModifiedAsFailed<T>(work: Promise<T>, from: ObjectName): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isLochError(error, 'not_modified')) throw error;
    throw new LochError('precondition_failed', `The source object \`${from.key}\` has not changed.`, {
      context: error.context,
    });
  }
}
